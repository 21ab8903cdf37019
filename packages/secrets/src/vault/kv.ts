/** Versions of a secret by the KV v2 API, which HashiCorp Vault and OpenBao have in common. */
import { setTimeout as pause } from 'node:timers/promises'
import { z } from 'zod'
import { isBehind, isNotThere, refusalOf, refused, unavailable } from './refusal.ts'
import type { Reply, Request } from './send.ts'

/** Asks for what the engine has of one path, under the deadline of one act. */
export type Ask = (method: Request['method'], kind: Kind, body?: object, query?: string) => Promise<Reply>

type Kind = 'data' | 'destroy' | 'metadata'

/** What a version holds. */
export type Fields = Readonly<Record<string, unknown>>

export interface Written {
  version: number
}

/** What the engine tells of a version without what it holds. */
export interface Listed {
  version: number
  isDestroyed: boolean
  /** From when on it is deleted, and can be brought back; it may be in the future. Milliseconds since the epoch. */
  deletedAt: number | undefined
  createdAt: number
}

/** What is found: `destroyed` when it was deleted or destroyed, `missing` when Vault does not know of it. */
export type Found = { version: number; fields: Fields } | 'destroyed' | 'missing'

/**
 * How many versions a path is made to keep. By default the engine forgets all but the ten newest, and a mount may be set to
 * fewer: an old secret would be gone in the middle of its overlap.
 */
const mostVersions = 100
/** For so many more there is always room: what is written at once and comes to nothing takes up versions as well. */
const roomFor = 50
const mostTries = 10
/** A standby that answers reads itself may not know yet what was written a moment ago. */
const standbyLagsMs = [100, 300]

const listed = z.object({ destroyed: z.boolean(), deletion_time: z.string(), created_time: z.string() })
const metadataReply = z.object({
  data: z.object({
    current_version: z.int(),
    max_versions: z.int(),
    /** OpenBao's, of the settings; a mount may require that whoever changes them names it. */
    current_metadata_version: z.int().default(0),
    versions: z.record(z.string(), listed),
  }),
})
const writeReply = z.object({ data: z.object({ version: z.int(), deletion_time: z.string() }) })
const readReply = z.object({
  data: z.object({ data: z.record(z.string(), z.unknown()), metadata: z.object({ version: z.int() }) }),
})
const listReply = z.object({ data: z.object({ keys: z.array(z.string()) }) })

type Metadata = z.infer<typeof metadataReply>['data']

/** Puts a version on top of what is there. */
export async function writeOnTop(ask: Ask, fields: Fields): Promise<Written> {
  let cas = await newestVersion(ask)
  for (let tries = 0; tries < mostTries; tries++) {
    const written = await post(ask, fields, cas)
    if (written) return written
    // The list of versions may come from a standby that is behind the node which refused.
    cas = Math.max(cas + 1, await newestVersion(ask))
  }
  throw unavailable('others keep writing to the same path of Vault')
}

/** @returns undefined when `cas` is not the number of the newest version, or 0 where there was none yet */
export async function writeAfter(ask: Ask, fields: Fields, cas: number): Promise<Written | undefined> {
  await newestVersion(ask)
  return post(ask, fields, cas)
}

async function post(ask: Ask, fields: Fields, cas: number): Promise<Written | undefined> {
  const reply = await ask('POST', 'data', { options: { cas }, data: fields })
  if (isBehind(reply)) return undefined
  const { version, deletion_time } = answerOf(reply, writeReply).data
  if (deletion_time === '') return { version }
  throw refused(
    'the mount deletes what is written by itself (delete_version_after): secrets would die before their time',
  )
}

/** @param version the newest when it is not given */
export async function readVersion(ask: Ask, version: number | undefined): Promise<Found> {
  const query = version === undefined ? '' : `?version=${version}`
  for (const lagMs of [...(version === undefined ? [] : standbyLagsMs), undefined]) {
    const reply = await ask('GET', 'data', undefined, query)
    if (!isNotThere(reply)) return foundIn(reply)
    if ('data' in (reply.body as object)) return 'destroyed'
    if (lagMs !== undefined) await pause(lagMs)
  }
  return 'missing'
}

function foundIn(reply: Reply): Found {
  const { data, metadata } = answerOf(reply, readReply).data
  return { version: metadata.version, fields: data }
}

/** The newest first; none where the path is not there. */
export async function listVersions(ask: Ask): Promise<Listed[]> {
  const { versions = {} } = (await readMetadata(ask)) ?? {}
  const all = Object.entries(versions).map(([version, { destroyed, deletion_time, created_time }]) => ({
    version: Number(version),
    isDestroyed: destroyed,
    deletedAt: deletion_time === '' ? undefined : Date.parse(deletion_time),
    createdAt: Date.parse(created_time),
  }))
  return all.sort((one, other) => other.version - one.version)
}

/** The names right below a path; those of folders end with a slash. */
export async function listNames(ask: Ask): Promise<string[]> {
  const reply = await ask('GET', 'metadata', undefined, '?list=true')
  return isNotThere(reply) ? [] : answerOf(reply, listReply).data.keys
}

export async function destroyVersions(ask: Ask, versions: readonly number[]): Promise<void> {
  if (versions.length > 0) successful(await ask('POST', 'destroy', { versions }))
}

/** Everything, the list of the versions as well. */
export async function deleteAll(ask: Ask): Promise<void> {
  successful(await ask('DELETE', 'metadata'))
}

/**
 * Has the path keep enough versions first. That also finds out what the engine is before a secret is sent: one of version 1
 * takes everything, under any name, and keeps it for ever.
 */
async function newestVersion(ask: Ask): Promise<number> {
  const found = await readMetadata(ask)
  // From the oldest that is left on: what is still accepted is never destroyed.
  const taken = found ? found.current_version + 1 - Math.min(...leftIn(found), found.current_version + 1) : 0
  if (found && found.max_versions >= taken + roomFor) return found.current_version
  const reply = await ask('POST', 'metadata', {
    max_versions: taken + mostVersions,
    metadata_cas: found?.current_metadata_version ?? 0,
  })
  // Somebody else has just done the same.
  if (!isBehind(reply)) successful(reply)
  return (await readMetadata(ask))?.current_version ?? 0
}

/** The versions that are not destroyed. */
function leftIn({ versions }: Metadata): number[] {
  return Object.entries(versions).flatMap(([version, { destroyed }]) => (destroyed ? [] : [Number(version)]))
}

async function readMetadata(ask: Ask): Promise<Metadata | undefined> {
  const reply = await ask('GET', 'metadata')
  return isNotThere(reply) ? undefined : answerOf(reply, metadataReply).data
}

function answerOf<Schema extends z.ZodType>(reply: Reply, schema: Schema): z.infer<Schema> {
  const { data, success } = schema.safeParse(successful(reply))
  if (success) return data
  throw refused('what answers at VAULT_MOUNT is not a key-value engine of version 2')
}

/** 204 becomes 200 when there are warnings. */
function successful(reply: Reply): unknown {
  if (reply.status === 200 || reply.status === 204) return reply.body
  throw refusalOf(reply)
}
