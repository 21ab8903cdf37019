import { hash } from 'node:crypto'
import type { MetricHistory } from '@rekey/breakglass'
import { z } from 'zod'
import { reach } from '../../client/reach.ts'
import { CliError } from '../../error.ts'

/** What AgentIdP's runbook asks for as evidence. */
const query = 'agentidp_credentials_expiring_soon_total'

/** Prometheus gives no more than 11,000 samples of a series at once. */
const mostSamples = 2_000
const shortestStep = 60
const replyWithinMs = 60_000

const matrix = z.object({
  status: z.literal('success'),
  data: z.object({
    resultType: z.literal('matrix'),
    result: z.array(
      z.object({ metric: z.record(z.string(), z.string()), values: z.array(z.tuple([z.number(), z.string()])) }),
    ),
  }),
})

/**
 * How a metric went over a period, from a Prometheus.
 *
 * @throws CliError `UNREACHABLE`, `FAILED` where what answers is none
 */
export async function metricHistory(
  fetch: typeof globalThis.fetch,
  prometheus: string,
  period: { from: string; to: string },
): Promise<MetricHistory> {
  const { address, authorization } = addressOf(prometheus)
  const [start, end] = [Date.parse(period.from) / 1_000, Date.parse(period.to) / 1_000]
  const stepSeconds = Math.max(shortestStep, Math.ceil((end - start) / mostSamples))
  const asked = new URLSearchParams({ query, start: String(start), end: String(end), step: String(stepSeconds) })
  const headers = { accept: 'application/json', ...authorization }
  const { ok, status, text } = await reach(fetch, `${address}/api/v1/query_range?${asked}`, { headers }, replyWithinMs)
  const found = ok ? matrix.safeParse(parsed(text)).data : undefined
  if (!found) throw new CliError('FAILED', `${address} answered ${status}, and not as a Prometheus does`)
  const series = found.data.result.map(({ metric, values }) => ({ labels: metric, values }))
  return { source: address, query, stepSeconds, series, sha256: hash('sha256', text) }
}

/** Credentials stay out of the evidence. */
function addressOf(text: string): { address: string; authorization: Record<string, string> } {
  const url = new URL(text)
  const { username, password } = url
  const address = `${url.origin}${url.pathname.replace(/\/+$/, '')}`
  if (username === '' && password === '') return { address, authorization: {} }
  const basic = Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`).toString('base64')
  return { address, authorization: { authorization: `Basic ${basic}` } }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}
