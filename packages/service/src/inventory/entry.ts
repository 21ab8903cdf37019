import { formatDuration } from '@rekey/keyring'
import { z } from 'zod'
import { iso, isoIfSet, time } from '../http/time.ts'
import { ageOf } from './age.ts'

/** Who sees to the rotation of a secret: this software, its owner by a schedule that he declared, or nobody that is known. */
export const managements = ['rekey', 'declared', 'unmanaged'] as const
export type Management = (typeof managements)[number]

/** What is known of a secret, never the secret. Times are milliseconds since the epoch. */
export interface SecretFacts {
  /** By which one finds it: the name of a keyring or variable, or an id. */
  name: string
  kind: string
  /** Who answers for it. */
  owner: string
  management: Management
  /** When there was one for the first time. */
  createdAt?: number | undefined
  /** When this one came to be; nothing where nobody knows. */
  rotatedAt?: number | undefined
  rotateEveryMs?: number | undefined
  /** When it ends by itself, unless it is replaced before. */
  endsAt?: number | undefined
  agentId?: string | undefined
  environment?: string | undefined
  /** What else there is to know of it, in a sentence. */
  description?: string | undefined
}

/** An entry of the inventory in a reply. */
export const shownSecret = z.object({
  name: z.string().describe('Of a keyring, a variable, or an id'),
  kind: z.string(),
  owner: z.string().describe('Who answers for it'),
  management: z.enum(managements).describe('Who sees to its rotation'),
  age: z.string().nullable().describe('For example 37d, rounded down; null where nobody knows'),
  createdAt: time.optional().describe('When there was one for the first time'),
  rotatedAt: time.optional(),
  rotateEvery: z.string().optional().describe('For example 90d'),
  nextRotation: z.union([time, z.literal('unmanaged')]).describe('When it is due, or ends by itself'),
  overdueSince: time.optional(),
  expiresAt: time.optional(),
  agentId: z.string().optional(),
  environment: z.string().optional(),
  description: z.string().optional(),
})
/** The same as a type. */
export type ShownSecret = z.infer<typeof shownSecret>

/** An entry of the inventory, as the API shows it. */
export function showSecret(facts: SecretFacts, now: number): ShownSecret {
  const { createdAt, rotatedAt, rotateEveryMs, endsAt, management, ...said } = facts
  const due = dueAt(facts)
  return {
    ...said,
    management,
    age: rotatedAt === undefined ? null : ageOf(rotatedAt, now),
    createdAt: isoIfSet(createdAt),
    rotatedAt: isoIfSet(rotatedAt),
    rotateEvery: rotateEveryMs === undefined ? undefined : formatDuration(rotateEveryMs),
    nextRotation: nextOf(due, endsAt),
    overdueSince: due !== undefined && due < now ? iso(due) : undefined,
    expiresAt: isoIfSet(endsAt),
  }
}

/** When a secret should have been rotated at the latest; nothing where no schedule says so. */
export function dueAt({ rotatedAt, rotateEveryMs }: Pick<SecretFacts, 'rotatedAt' | 'rotateEveryMs'>) {
  return rotatedAt === undefined || rotateEveryMs === undefined ? undefined : rotatedAt + rotateEveryMs
}

/** Whoever lets a secret end has to have another one by then, whatever the schedule says. */
function nextOf(due: number | undefined, endsAt: number | undefined): string {
  const first = Math.min(due ?? Number.POSITIVE_INFINITY, endsAt ?? Number.POSITIVE_INFINITY)
  return first === Number.POSITIVE_INFINITY ? 'unmanaged' : iso(first)
}
