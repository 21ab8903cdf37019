import type { OverdueCredential } from '../client/credential.ts'
import type { Attention } from './attention.ts'

/** The credentials whose rotation is overdue: those first that were rotated longest ago. */
export interface Overdue {
  credentials: OverdueCredential[]
  /** How many there are; no more than `countedAtMost` are counted. */
  total: number
}

const countedAtMost = 10_000

// A thousand of them would drown everything else: a list has them all.
const named = 5

/** Credentials that should have been rotated. */
export function credentialWorries({ credentials, total }: Overdue): Attention[] {
  const next = credentials[named]
  return [...credentials.slice(0, named).map(worry), ...(next ? [others(total, next.overdueSince)] : [])]
}

function worry({ credentialId, agentId, agentName, kind, overdueSince }: OverdueCredential): Attention {
  const how = kind === 'client-key' ? '--jwk FILE' : '--overlap 24h'
  return {
    what: `credential ${credentialId} of agent ${agentName ?? agentId} should have been rotated`,
    since: overdueSince,
    command: `rekey credential rotate ${agentId} ${credentialId} ${how}`,
  }
}

function others(total: number, since: string): Attention {
  const count = total - named
  const more = `${total >= countedAtMost ? 'at least ' : ''}${count} more ${count === 1 ? 'credential' : 'credentials'}`
  return { what: `${more} should have been rotated`, since, command: 'rekey credential overdue' }
}
