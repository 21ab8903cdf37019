import { CliError } from '../error.ts'
import { confirmedWithinMs, type ManagementClient } from './management.ts'

/** By which keyring access tokens are signed, and the move to another one that waits, if one does. Times are ISO 8601. */
export interface IssuanceView {
  keyring: string
  algorithm?: string
  revision: number
  /** Every live instance goes by it. */
  confirmed: boolean
  move?: {
    to: string
    algorithm?: string
    requestedAt: string
    by: string
    forced: boolean
    reason?: string
    waiting: { for: string[]; opensAt: string | null }
  }
}

/** By which keyring access tokens are signed now. */
export async function readIssuance(client: ManagementClient): Promise<IssuanceView> {
  return await client.call<IssuanceView>({
    method: 'GET',
    path: '/issuance',
    scope: 'keyrings:read',
    failure: 'it cannot be read which keyring signs access tokens',
  })
}

/**
 * Asks for access tokens to be signed by a keyring from now on.
 *
 * @throws CliError `REFUSED` with the code ALGORITHM_UNSUPPORTED, naming the verifiers that would refuse every token
 */
export async function requestIssuance(client: ManagementClient, keyring: string, how: object): Promise<IssuanceView> {
  try {
    return await client.call<IssuanceView>({
      method: 'PUT',
      path: '/issuance',
      scope: 'keyrings:write',
      body: { keyring, ...how },
      failure: `access tokens are not signed by ${keyring}`,
      replyWithinMs: confirmedWithinMs,
    })
  } catch (error) {
    throw withWaysOut(error, keyring)
  }
}

function withWaysOut(error: unknown, keyring: string): unknown {
  if (!(error instanceof CliError) || error.facts.code !== 'ALGORITHM_UNSUPPORTED') return error
  const { verifiers = [] } = (error.facts.details ?? {}) as { verifiers?: string[] }
  const lines = [
    `${error.message}. Nothing was changed. What helps:`,
    `  let ${verifiers.join(' and ')} allow it, restart them, and ask again`,
    ...verifiers.map((id) => `  rekey verifier forget ${id}   if that one is gone for good`),
    `  rekey issue-with ${keyring} --force --reason REASON   if they may fail`,
  ]
  return new CliError('REFUSED', lines.join('\n'), { ...error.facts }, { cause: error.cause })
}
