import type { DenyEntry } from '../../deny/entry.ts'
import type { DeniedEntry } from '../../deny/list.ts'
import { parseDenyEntries } from '../../deny/parse.ts'
import { VerifyError } from '../../error.ts'
import { JSON_HEADERS } from '../headers.ts'
import { type InternalReply, jsonReply, Problem } from './reply.ts'

/** Of several issuers, whose it is. */
type ListedEntry = DeniedEntry & { readonly issuer?: string | null }

/** The deny-list of a verifier, or of several. */
export interface DenyControl {
  /** Who answers, where several processes stand behind one address. */
  readonly instance?: string
  deny(entries: readonly DenyEntry[]): Promise<void>
  /** Resolves to how many of the entries were there. */
  allow(entries: readonly DenyEntry[]): Promise<number>
  denied(): Iterable<ListedEntry>
}

function understood(entries: unknown): DenyEntry[] {
  try {
    return parseDenyEntries(entries)
  } catch (error) {
    if (error instanceof VerifyError) throw new Problem(400, error.code, error.message)
    throw error
  }
}

const entriesOf = (body: unknown): DenyEntry[] => understood((body as { entries?: unknown } | null)?.entries)

/** What was done is in force at once, and lost with the process: whoever asked must know both. */
async function durably<T>(done: Promise<T>): Promise<T> {
  try {
    return await done
  } catch (error) {
    if (!(error instanceof VerifyError)) throw error
    if (error.code !== 'deny_file_failed') throw new Problem(503, error.code, error.message)
    throw new Problem(503, error.code, `in force in this process, but not over a restart: ${error.message}`)
  }
}

export async function deny(control: DenyControl, body: unknown): Promise<InternalReply> {
  const entries = entriesOf(body)
  await durably(control.deny(entries))
  return jsonReply(200, { entries, instance: control.instance })
}

/** A `+` that was not escaped arrives as a space; in a time there is nowhere else for one than before its zone. */
function entryIn(query: URLSearchParams): Record<string, string> {
  const isTime = (member: string) => member === 'issuedBefore' || member === 'expiresAt'
  const members = [...query].map(([member, value]) => [
    member,
    isTime(member) ? value.replace(/ (?=\d{2}:\d{2}$)/, '+') : value,
  ])
  return Object.fromEntries(members)
}

/** `entries` as of a body, or one entry as a query string. */
export async function allow(control: DenyControl, query: URLSearchParams, body: () => Promise<unknown>) {
  const members = [...query.keys()]
  if (new Set(members).size < members.length) {
    throw new Problem(400, 'deny_entry_invalid', 'a member of the entry is given twice')
  }
  const entries = members.length > 0 ? understood([entryIn(query)]) : entriesOf(await body())
  const removed = await durably(control.allow(entries))
  return jsonReply(200, { entries, removed })
}

/** As an entry is posted, and what is known of it besides. */
const shown = ({ entry, origin, until, issuer }: ListedEntry) => ({ ...entry, origin, until, issuer })

const ENTRIES_A_PIECE = 500

/** JSON in pieces: a list may have a million entries, and its text would be 150 MB. */
function* written(entries: Iterable<ListedEntry>): Generator<string> {
  let piece = '{"entries":['
  let count = 0
  for (const entry of entries) {
    piece += (count === 0 ? '' : ',') + JSON.stringify(shown(entry))
    if (++count % ENTRIES_A_PIECE > 0) continue
    yield piece
    piece = ''
  }
  yield `${piece}]}`
}

export function list(control: DenyControl): InternalReply {
  return { status: 200, headers: JSON_HEADERS, text: written(control.denied()) }
}
