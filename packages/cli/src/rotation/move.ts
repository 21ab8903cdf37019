import { type IssuanceView, readIssuance } from '../client/issuance.ts'
import type { ManagementClient } from '../client/management.ts'
import { CliError } from '../error.ts'
import type { Milestone } from '../terminal/progress.ts'
import type { Followed } from './follow.ts'
import { gateSentence } from './gate.ts'

/** A move of issuance to another keyring, to be followed until every live instance goes by it. */
export function moveTo(client: ManagementClient, keyring: string): Followed<IssuanceView> {
  return {
    look: () => readIssuance(client),
    path: (issuance, now) => path(issuance, keyring, now),
    refuseGivenUp: (issuance) => refuseGivenUp(issuance, keyring),
    goesOn: `the move to ${keyring} stays asked for, and is made when nobody has to be waited for`,
    facts: { keyring },
  }
}

function path(issuance: IssuanceView, to: string, now: number): Milestone[] {
  const moved = issuance.keyring === to
  const ready = 'every live verifier holds its key and allows its algorithm'
  return [
    { title: `the move to ${to} is asked for`, done: moved || issuance.move?.to === to },
    { title: ready, done: moved, ...(moved ? {} : waiting(issuance, to, now)) },
    { title: `every live instance signs with ${to}`, done: moved && issuance.confirmed },
  ]
}

function waiting({ move }: IssuanceView, to: string, now: number): { waiting?: string } {
  // Nobody to wait for: an instance makes the move within its next beat.
  if (move?.to !== to || move.waiting.for.length === 0) return {}
  return { waiting: gateSentence(move.waiting, now) }
}

/** Somebody withdrew the move, or asked for one to another keyring. */
function refuseGivenUp({ keyring, move }: IssuanceView, to: string): void {
  if (keyring === to || move?.to === to) return
  const instead = move ? `a move to ${move.to} was asked for instead` : `${keyring} goes on signing`
  throw new CliError('FAILED', `the move to ${to} was withdrawn: ${instead}`, { keyring, wanted: to })
}
