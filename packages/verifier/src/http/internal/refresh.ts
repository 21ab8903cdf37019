import { VerifyError } from '../../error.ts'
import type { RefreshFailed } from '../../several.ts'
import type { Refreshed } from '../../trust/source.ts'
import { type InternalReply, jsonReply, Problem } from './reply.ts'

/** The trust of a verifier, or of several. */
export interface RefreshControl {
  /** Who answers, where several processes stand behind one address. */
  readonly instance?: string
  /** Resolves when the issuer, or every issuer, has answered and the answer is in force. */
  refresh(): Promise<Refreshed | readonly Refreshed[]>
  /** What came of it at each of several issuers; where it is there, it is called instead. */
  refreshEach?(): Promise<readonly (Refreshed | RefreshFailed)[]>
}

function shown(outcome: Refreshed | RefreshFailed) {
  const { issuer } = outcome
  if ('error' in outcome) return { issuer, code: outcome.error.code, message: outcome.error.message }
  const { revision, kids, added, removed, revoked } = outcome
  return { issuer, revision, kids, added, removed, revoked }
}

/** Of several issuers the answer tells of each, also where one of them could not be asked. */
function ofSeveral(outcomes: readonly (Refreshed | RefreshFailed)[], instance: string | undefined): InternalReply {
  const issuers = outcomes.map(shown)
  const failed = outcomes.filter((outcome) => 'error' in outcome)
  const [first] = failed
  if (first === undefined) return jsonReply(200, { issuers, instance })
  const message = failed.map(({ issuer, error }) => `${issuer}: ${error.message}`).join('; ')
  return jsonReply(502, { code: first.error.code, message, issuers, instance })
}

/** 502 when an issuer did not answer: what was held of it stays, minus what was revoked. */
export async function refresh(control: RefreshControl): Promise<InternalReply> {
  const { instance } = control
  if (control.refreshEach !== undefined) return ofSeveral(await control.refreshEach(), instance)
  try {
    const refreshed = await control.refresh()
    return 'kids' in refreshed ? jsonReply(200, { ...shown(refreshed), instance }) : ofSeveral(refreshed, instance)
  } catch (error) {
    if (error instanceof VerifyError) throw new Problem(502, error.code, error.message)
    throw error
  }
}
