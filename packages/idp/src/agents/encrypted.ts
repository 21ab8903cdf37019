/** What of an agent is encrypted where it is stored, because it may be about a person. */
import type { ColumnCipher, EncryptedColumn } from '@rekey/database'
import { agentEmail, agentOwner } from '../columns/list.ts'
import { setupActor } from '../setup/actor.ts'
import type { Agent } from './agent.ts'

const encrypted = { email: agentEmail, owner: agentOwner } as const
type Member = keyof typeof encrypted
const members = Object.entries(encrypted) as readonly [Member, EncryptedColumn][]

type Described = { [M in Member]?: string | null | undefined }

/** These members in plain text. Agents that were made when the estate was set up have the owner that says so. */
export function openedOf(
  row: Pick<Agent, Member | 'agent_id' | 'set_up'>,
  columns: Pick<ColumnCipher, 'open'>,
): Pick<Agent, Member> {
  const open = (member: Member) => {
    const stored = row[member]
    return stored === null ? null : columns.open(encrypted[member], row.agent_id, stored)
  }
  return { email: open('email'), owner: open('owner') ?? (row.set_up ? setupActor : null) }
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
