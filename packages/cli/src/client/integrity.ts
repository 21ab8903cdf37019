import { CliError } from '../error.ts'
import { reach } from './reach.ts'

const gauge = /^agentidp_audit_chain_integrity(?:\{[^}]*\})? ([01])$/m

/**
 * Whether every instance finds the chain of the audit whole, by its gauge: that is looked at all the time, and costs no reading
 * of the whole chain. Undefined when none tells, for one because metrics are not open to where we are.
 */
export async function chainIntegrity(
  fetch: typeof globalThis.fetch,
  idps: readonly string[],
): Promise<boolean | undefined> {
  const told = await Promise.all(idps.map((idp) => gaugeOf(fetch, idp)))
  return told.includes(false) ? false : told.find((whole) => whole !== undefined)
}

async function gaugeOf(fetch: typeof globalThis.fetch, idp: string): Promise<boolean | undefined> {
  try {
    const { ok, text } = await reach(fetch, `${idp}/metrics`, {})
    const [, value] = (ok && gauge.exec(text)) || []
    return value === undefined ? undefined : value === '1'
  } catch (error) {
    // One that is gone is told by its lease.
    if (error instanceof CliError && error.code === 'UNREACHABLE') return undefined
    throw error
  }
}
