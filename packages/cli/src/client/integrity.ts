import { CliError } from '../error.ts'
import { reach } from './reach.ts'

/** Whether the chain is whole; if it is not, since when, as far as anybody tells (ISO 8601). */
export interface Integrity {
  integrity?: boolean
  brokenSince?: string
  /** For how many seconds, of all instances the longest; an IdP of an earlier release tells nothing. */
  behind?: Behind
}

/** What should happen all the time. */
export interface Behind {
  /** The event that waits for its place the longest. */
  waiting: number
  /** Since all was last read and found right. */
  verified: number
  /** Since the newest checkpoint was outside the database; `Infinity` where none is kept there. */
  kept: number
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
  const behinds = told.flatMap(({ behind }) => behind ?? [])
  return { ...wholeOf(told), ...(behinds.length === 0 ? {} : { behind: longest(behinds) }) }
}

function longest(all: readonly Behind[]): Behind {
  const most = (of: (behind: Behind) => number) => Math.max(...all.map(of))
  return {
    waiting: most((each) => each.waiting),
    verified: most((each) => each.verified),
    kept: most((each) => each.kept),
  }
}

function wholeOf(told: readonly Integrity[]): Integrity {
  const broken = told.filter(({ integrity }) => integrity === false)
  const [first] = broken.flatMap(({ brokenSince }) => brokenSince ?? []).toSorted()
  if (broken.length > 0) return { integrity: false, ...(first === undefined ? {} : { brokenSince: first }) }
  return told.some(({ integrity }) => integrity) ? { integrity: true } : {}
}

async function gaugesOf(fetch: typeof globalThis.fetch, idp: string): Promise<Integrity> {
  try {
    const { ok, text } = await reach(fetch, `${idp}/metrics`, {})
    const [, value] = (ok && gauge.exec(text)) || []
    const behind = behindOf(text)
    if (value !== '0') return value === undefined ? {} : { integrity: true, ...behind }
    const [, since] = brokenSince.exec(text) ?? []
    const broken = since ? { brokenSince: new Date(Number(since) * 1_000).toISOString() } : {}
    return { integrity: false, ...broken, ...behind }
  } catch (error) {
    // One that is gone is told by its lease.
    if (error instanceof CliError && error.code === 'UNREACHABLE') return {}
    throw error
  }
}

function behindOf(text: string): { behind?: Behind } {
  const told = ['oldest_waiting', 'verified_age', 'checkpoint_kept_age'].map((name) => {
    const [, value] = new RegExp(`^rekey_audit_${name}_seconds(?:\\{[^}]*\\})? (\\S+)$`, 'm').exec(text) ?? []
    return value === '+Inf' ? Number.POSITIVE_INFINITY : Number(value)
  })
  const [waiting = Number.NaN, verified = Number.NaN, kept = Number.NaN] = told
  return told.some(Number.isNaN) ? {} : { behind: { waiting, verified, kept } }
}
