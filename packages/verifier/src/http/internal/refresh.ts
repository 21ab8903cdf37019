import { VerifyError } from '../../error.ts'
import type { Refreshed } from '../../verifier.ts'
import { type InternalReply, jsonReply, Problem } from './reply.ts'

/** The trust of a verifier, or of several. */
export interface RefreshControl {
  /** Resolves when the issuer, or every issuer, has answered and the answer is in force. */
  refresh(): Promise<Refreshed | readonly Refreshed[]>
}

function shown({ issuer, revision, kids, added, removed, revoked }: Refreshed) {
  return { issuer, revision, kids, added, removed, revoked }
}

/** 502 when the issuer did not answer: what was held stays, minus what was revoked. */
export async function refresh(control: RefreshControl): Promise<InternalReply> {
  try {
    const refreshed = await control.refresh()
    return jsonReply(200, 'kids' in refreshed ? shown(refreshed) : { issuers: refreshed.map(shown) })
  } catch (error) {
    if (error instanceof VerifyError) throw new Problem(502, error.code, error.message)
    throw error
  }
}
