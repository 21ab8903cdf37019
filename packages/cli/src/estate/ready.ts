import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import type { Clock } from '../clock.ts'
import { CliError } from '../error.ts'
import type { Child } from './child.ts'

const lookEveryMs = 40
const readyWithinMs = 30_000
const replyWithinMs = 2_000
const shownLines = 6

/** What it takes to look at a part. */
export interface ReadyOptions {
  fetch: typeof globalThis.fetch
  monotonic: Clock
}

interface Looks {
  isReady(): Promise<boolean>
  waitedMs(): number
}

/**
 * Resolves when a part that was just started answers 200 at `/readyz`; from then on it is kept.
 *
 * @throws CliError `START_FAILED` when it dies first or takes longer than 30 s, with the last lines that it
 *   wrote to its log
 */
export async function untilReady(
  child: Child,
  { fetch, monotonic }: ReadyOptions,
  interrupted: AbortSignal,
): Promise<void> {
  const start = monotonic()
  const looks = { isReady: () => isReady(fetch, child.part.url), waitedMs: () => monotonic() - start }
  const settled = new AbortController()
  const died = child.died.then((how) => {
    if (!settled.signal.aborted) throw failed(child, how)
  })
  try {
    await Promise.race([died, poll(child, looks, AbortSignal.any([interrupted, settled.signal]))])
    child.keep()
  } finally {
    settled.abort()
  }
}

async function poll(child: Child, looks: Looks, signal: AbortSignal): Promise<void> {
  while (!(await looks.isReady())) {
    if (looks.waitedMs() > readyWithinMs) throw failed(child, `is not ready after ${readyWithinMs / 1000} s`)
    await delay(lookEveryMs, undefined, { signal })
  }
}

async function isReady(fetch: typeof globalThis.fetch, url: string): Promise<boolean> {
  try {
    const response = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(replyWithinMs) })
    await response.body?.cancel()
    return response.ok
  } catch (cause) {
    // Not listening yet (TypeError) or too busy with its start (TimeoutError): the next look tells.
    if (cause instanceof TypeError || cause instanceof DOMException) return false
    throw cause
  }
}

function failed(child: Child, how: string): CliError {
  const { name, logFile } = child.part
  const said = readFileSync(logFile).subarray(child.logStart).toString().trimEnd()
  const lines = said.split('\n').slice(-shownLines).map(readable)
  const end = said === '' ? `It wrote nothing to ${logFile}.` : `The end of ${logFile}:\n  ${lines.join('\n  ')}`
  return new CliError('START_FAILED', `${name} ${how}, before it was ready. ${end}`, { part: name, logFile })
}

/** A line of a JSON log as a person reads it: message, code, and the messages of what caused it. */
function readable(line: string): string {
  if (!line.startsWith('{')) return line
  try {
    const { msg, code, err } = JSON.parse(line) as { msg?: string; code?: string; err?: LoggedError }
    return [msg, code && `(${code})`, ...causes(err).filter((text) => text !== msg)].filter(Boolean).join(' ')
  } catch (cause) {
    if (cause instanceof SyntaxError) return line
    throw cause
  }
}

interface LoggedError {
  message?: string
  cause?: LoggedError
}

function causes(error: LoggedError | undefined): string[] {
  return error === undefined ? [] : [error.message ?? '', ...causes(error.cause)]
}
