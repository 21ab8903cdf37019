import { CliError } from '../error.ts'
import { reach } from './reach.ts'

/** Whether the chain is whole; if it is not, since when, as far as anybody tells (ISO 8601). */
export interface Integrity {
  integrity?: boolean
  brokenSince?: string
}

const gauge = /^agentidp_audit_chain_integrity(?:\{[^}]*\})? ([01])$/m
/** Unix time; an IdP of an earlier release has none. */
const brokenSince = /^rekey_audit_chain_broken_timestamp_seconds(?:\{[^}]*\})? ([1-9][\d.]*)$/m

/**
 * Whether every instance finds the chain of the audit whole, by its gauges: that is looked at all the time, and costs no reading
 * of the whole chain. Nothing when none tells, for one because metrics are not open to where we are.
 */
export async function chainIntegrity(fetch: typeof globalThis.fetch, idps: readonly string[]): Promise<Integrity> {
  const told = await Promise.all(idps.map((idp) => gaugesOf(fetch, idp)))
  const broken = told.filter(({ integrity }) => integrity === false)
  const [first] = broken.flatMap(({ brokenSince }) => brokenSince ?? []).toSorted()
  if (broken.length > 0) return { integrity: false, ...(first === undefined ? {} : { brokenSince: first }) }
  return told.find(({ integrity }) => integrity) ?? {}
}

async function gaugesOf(fetch: typeof globalThis.fetch, idp: string): Promise<Integrity> {
  try {
    const { ok, text } = await reach(fetch, `${idp}/metrics`, {})
    const [, value] = (ok && gauge.exec(text)) || []
    if (value !== '0') return value === undefined ? {} : { integrity: true }
    const [, since] = brokenSince.exec(text) ?? []
    return { integrity: false, ...(since ? { brokenSince: new Date(Number(since) * 1_000).toISOString() } : {}) }
  } catch (error) {
    // One that is gone is told by its lease.
    if (error instanceof CliError && error.code === 'UNREACHABLE') return {}
    throw error
  }
}
