/** What of an agent is encrypted where it is stored, because it may be about a person. */
import { type ColumnCipher, DatabaseError, type EncryptedColumn, errorsOfOneValue } from '@rekey/database'
import { z } from 'zod'
import { agentEmail, agentOwner } from '../columns/list.ts'
import { setupActor } from '../setup/actor.ts'
import type { Agent } from './agent.ts'

const encrypted = { email: agentEmail, owner: agentOwner } as const
type Member = keyof typeof encrypted
const members = Object.entries(encrypted) as readonly [Member, EncryptedColumn][]

type Described = { [M in Member]?: string | null | undefined }

export const encryptedMember = z.enum(['email', 'owner'] satisfies Member[])

type Opened = Pick<Agent, Member> & {
  /** What is stored and does not open. One such value must not keep a whole list from being read. */
  unreadable: Member[]
}

/**
 * These members in plain text. Agents that were made when the estate was set up have the owner that says so.
 *
 * @throws DatabaseError `COLUMN_KEY_MISSING`
 */
export function openedOf(
  row: Pick<Agent, Member | 'agent_id' | 'set_up'>,
  columns: Pick<ColumnCipher, 'open'>,
): Opened {
  const unreadable: Member[] = []
  const open = (member: Member) => {
    const stored = row[member]
    try {
      return stored === null ? null : columns.open(encrypted[member], row.agent_id, stored)
    } catch (error) {
      if (!(error instanceof DatabaseError && errorsOfOneValue.includes(error.code))) throw error
      unreadable.push(member)
      return null
    }
  }
  const email = open('email')
  return { email, owner: open('owner') ?? (row.set_up ? setupActor : null), unreadable }
}

/** The same columns as they are stored; what is not named stays. */
export function sealedOf<D extends Described>(agentId: string, described: D, columns: Pick<ColumnCipher, 'seal'>): D {
  const sealed = members.flatMap(([member, column]) => {
    const text = described[member]
    return typeof text === 'string' ? [[member, columns.seal(column, agentId, text)] as const] : []
  })
  return { ...described, ...Object.fromEntries(sealed) }
}

/**
 * What the audit says of a description. It is kept for ever, in plain text, and given away in exports: what is encrypted elsewhere
 * is named there, and not told. That there is none may be known.
 */
export function toldOf(described: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const isSecret = (name: string) => Object.hasOwn(encrypted, name) && typeof described[name] === 'string'
  const named = Object.keys(described).filter(isSecret)
  const plain = Object.fromEntries(Object.entries(described).filter(([name]) => !isSecret(name)))
  return named.length === 0 ? plain : { ...plain, encrypted: named }
}
