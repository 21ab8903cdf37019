import type { Ending, EndingCredential, ExpiringCredential } from '../client/credential.ts'
import { counted } from '../terminal/counted.ts'
import { shellWord } from '../terminal/shell-word.ts'
import { fromNow } from '../terminal/span.ts'
import type { Attention } from './attention.ts'

const countedAtMost = 10_000

// As many as of those that are overdue, and for the same reason.
const named = 5

/** Credentials that end soon, each with who answers for it. */
export function expiryWorries({ credentials, total, elsewhere }: Ending<ExpiringCredential>, now: number): Attention[] {
  const next = credentials[named]
  return [
    ...credentials.slice(0, named).map((credential) => worry(credential, now)),
    ...(next ? [others(total, next.soonSince)] : []),
    ...(elsewhere?.firstExpiresAt ? [ofOthers(elsewhere.total, elsewhere.firstExpiresAt, now)] : []),
  ]
}

function worry(credential: ExpiringCredential, now: number): Attention {
  const { expiresAt, soonSince } = credential
  return {
    what: `${called(credential)} expires ${fromNow(expiresAt, now)}`,
    since: soonSince,
    command: rotating(credential),
  }
}

function called({ credentialId, agentId, agentName, owner }: EndingCredential): string {
  return `credential ${credentialId} of agent ${agentName ?? agentId}${owner === undefined ? '' : ` (owner ${owner})`}`
}

function rotating({ credentialId, agentId, kind, isRegistered }: ExpiringCredential): string {
  if (kind === 'client-key') return `rekey credential rotate ${agentId} ${credentialId} --jwk FILE`
  if (isRegistered) return `rekey dcr client rotate-secret ${shellWord(agentId)} --overlap 24h`
  return `rekey credential rotate ${agentId} ${credentialId} --overlap 24h`
}

function others(total: number, since: string): Attention {
  const count = total - named
  const verb = count === 1 ? 'expires' : 'expire'
  return { what: `${credentialsOf(count, total, 'more ')} ${verb} soon`, since, command: 'rekey credential expiring' }
}

/** Which they are is known to their organizations alone, and since when is not told. */
function ofOthers(total: number, first: string, now: number): Attention {
  const verb = total === 1 ? 'expires' : 'expire'
  const what = `${credentialsOf(total)} of other organizations ${verb} soon, the first ${fromNow(first, now)}: their administrators are to rotate them`
  return { what, since: new Date(now).toISOString(), command: null }
}

/** Credentials that expired and left their agents with none: these are refused. */
export function expiredWorries({ credentials, total, elsewhere }: Ending<EndingCredential>, now: number): Attention[] {
  const next = credentials[named]
  return [
    ...credentials.slice(0, named).map((credential) => missed(credential, now)),
    ...(next ? [othersMissed(total, next.expiresAt)] : []),
    ...(elsewhere?.firstExpiresAt ? [missedByOthers(elsewhere.total, elsewhere.firstExpiresAt)] : []),
  ]
}

function missed(credential: EndingCredential, now: number): Attention {
  const { expiresAt } = credential
  const what = `${called(credential)} expired ${fromNow(expiresAt, now)}, and the agent has none that works`
  return { what, since: expiresAt, command: replacing(credential) }
}

function replacing({ agentId, kind, isRegistered }: EndingCredential): string {
  if (kind === 'client-key') return `rekey credential create ${agentId} --jwk FILE`
  return isRegistered ? `rekey dcr client rotate-secret ${shellWord(agentId)}` : `rekey credential create ${agentId}`
}

function othersMissed(total: number, since: string): Attention {
  const what = `${credentialsOf(total - named, total, 'more ')} expired, and their agents have none that works`
  return { what, since, command: 'rekey credential expiring' }
}

function missedByOthers(total: number, first: string): Attention {
  const what = `${credentialsOf(total)} of other organizations expired, and their agents have none that works`
  return { what, since: first, command: null }
}

/** @param total of how many they are: beyond what is counted nobody knows how many there are */
function credentialsOf(count: number, total = count, more = ''): string {
  const least = total >= countedAtMost ? 'at least ' : ''
  return least + counted(count, `${more}credential`)
}
