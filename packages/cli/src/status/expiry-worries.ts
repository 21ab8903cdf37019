import type { ExpiringCredential } from '../client/credential.ts'
import { shellWord } from '../terminal/shell-word.ts'
import { fromNow } from '../terminal/span.ts'
import type { Attention } from './attention.ts'

/** The credentials that expire soon: those first that end first. */
export interface Expiring {
  credentials: ExpiringCredential[]
  /** How many there are; no more than `countedAtMost` are counted. */
  total: number
  /** Of other organizations, where the operator asks. */
  elsewhere?: { total: number; firstExpiresAt: string | null }
}

const countedAtMost = 10_000

// As many as of those that are overdue, and for the same reason.
const named = 5

/** Credentials that end soon, each with who answers for it. */
export function expiryWorries({ credentials, total, elsewhere }: Expiring, now: number): Attention[] {
  const next = credentials[named]
  return [
    ...credentials.slice(0, named).map((credential) => worry(credential, now)),
    ...(next ? [others(total, next.soonSince)] : []),
    ...(elsewhere?.firstExpiresAt ? [ofOthers(elsewhere.total, elsewhere.firstExpiresAt, now)] : []),
  ]
}

function worry(credential: ExpiringCredential, now: number): Attention {
  const { credentialId, agentId, agentName, owner, expiresAt, soonSince } = credential
  const whose = `agent ${agentName ?? agentId}${owner === undefined ? '' : ` (owner ${owner})`}`
  return {
    what: `credential ${credentialId} of ${whose} expires ${fromNow(expiresAt, now)}`,
    since: soonSince,
    command: rotating(credential),
  }
}

function rotating({ credentialId, agentId, kind, isRegistered }: ExpiringCredential): string {
  if (kind === 'client-key') return `rekey credential rotate ${agentId} ${credentialId} --jwk FILE`
  if (isRegistered) return `rekey dcr client rotate-secret ${shellWord(agentId)} --overlap 24h`
  return `rekey credential rotate ${agentId} ${credentialId} --overlap 24h`
}

function others(total: number, since: string): Attention {
  const count = total - named
  const more = `${total >= countedAtMost ? 'at least ' : ''}${count} more ${count === 1 ? 'credential expires' : 'credentials expire'}`
  return { what: `${more} soon`, since, command: 'rekey credential expiring' }
}

/** Which they are is known to their organizations alone, and since when is not told. */
function ofOthers(total: number, first: string, now: number): Attention {
  const count = `${total >= countedAtMost ? 'at least ' : ''}${total} ${total === 1 ? 'credential' : 'credentials'}`
  const verb = total === 1 ? 'expires' : 'expire'
  const what = `${count} of other organizations ${verb} soon, the first ${fromNow(first, now)}: their administrators are to rotate them`
  return { what, since: new Date(now).toISOString(), command: null }
}
