/** Versions of a secret by the KV v2 API, which HashiCorp Vault and OpenBao have in common. */
import { setTimeout as pause } from 'node:timers/promises'
import { z } from 'zod'
import { isBehind, isNotThere, refused, unavailable } from './refusal.ts'
import { type Ask, answerOf, successful } from './reply.ts'
import { newestVersion, readMetadata } from './room.ts'
import type { Reply } from './send.ts'

/** What a version holds. */
export type Fields = Readonly<Record<string, unknown>>

/** What was written. */
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

const mostTries = 10
/** A standby that answers reads itself may not know yet what was written a moment ago. */
const standbyLagsMs = [100, 300]

const writeReply = z.object({ data: z.object({ version: z.int(), deletion_time: z.string() }) })
const readReply = z.object({
  data: z.object({ data: z.record(z.string(), z.unknown()), metadata: z.object({ version: z.int() }) }),
})
const listReply = z.object({ data: z.object({ keys: z.array(z.string()) }) })

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
