/** Versions of a secret by the KV v2 API, which HashiCorp Vault and OpenBao have in common. */
import { setTimeout as pause } from 'node:timers/promises'
import { z } from 'zod'
import { isBehind, isNotThere, refusalOf, refused, unavailable } from './refusal.ts'
import type { Reply, Request } from './send.ts'

/** Asks for what the engine has of one path, under the deadline of one act. */
export type Ask = (method: Request['method'], kind: Kind, body?: object, query?: string) => Promise<Reply>

type Kind = 'data' | 'destroy' | 'metadata'

export interface Fields {
  clientSecret: string
}

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

const metadataReply = z.object({
  data: z.object({
    current_version: z.int(),
    max_versions: z.int(),
    /** OpenBao's, of the settings; a mount may require that whoever changes them names it. */
    current_metadata_version: z.int().default(0),
    versions: z.record(z.string(), z.object({ destroyed: z.boolean() })),
  }),
})
const writeReply = z.object({ data: z.object({ version: z.int(), deletion_time: z.string() }) })
const readReply = z.object({ data: z.object({ data: z.object({ clientSecret: z.string().optional() }) }) })

type Metadata = z.infer<typeof metadataReply>['data']

/** Puts a version on top of what is there. */
export async function writeVersion(ask: Ask, fields: Fields): Promise<{ version: number }> {
  let cas = await newestVersion(ask)
  for (let tries = 0; tries < mostTries; tries++) {
    const reply = await ask('POST', 'data', { options: { cas }, data: fields })
    if (!isBehind(reply)) return writtenIn(reply)
    // The list of versions may come from a standby that is behind the node which refused.
    cas = Math.max(cas + 1, await newestVersion(ask))
  }
  throw unavailable('others keep writing to the same path of Vault')
}

function writtenIn(reply: Reply): { version: number } {
  const { version, deletion_time } = answerOf(reply, writeReply).data
  if (deletion_time === '') return { version }
  throw refused(
    'the mount deletes what is written by itself (delete_version_after): secrets would die before their time',
  )
}

/** What is found of a version: `missing` when Vault does not know of one, or what it has is none of ours. */
export type Found = Fields | 'destroyed' | 'missing'

/** @returns `destroyed` when Vault says that it was deleted or destroyed */
export async function readVersion(ask: Ask, version: number): Promise<Found> {
  for (const lagMs of [...standbyLagsMs, undefined]) {
    const reply = await ask('GET', 'data', undefined, `?version=${version}`)
    if (!isNotThere(reply)) return readIn(reply)
    if ('data' in (reply.body as object)) return 'destroyed'
    if (lagMs !== undefined) await pause(lagMs)
  }
  return 'missing'
}

/** A version that has no such field was written by somebody else, and is nobody's secret. */
function readIn(reply: Reply): Found {
  const { clientSecret } = answerOf(reply, readReply).data.data
  return clientSecret === undefined ? 'missing' : { clientSecret }
}

/** Destroys what is older than the newest of these and not one of them; everything, and the list as well, for none. */
export async function keepVersions(ask: Ask, kept: readonly number[]): Promise<void> {
  if (kept.length === 0) {
    successful(await ask('DELETE', 'metadata'))
    return
  }
  const newest = Math.max(...kept)
  const over = leftIn(await readMetadata(ask)).filter((version) => version < newest && !kept.includes(version))
  if (over.length > 0) await destroyVersions(ask, over)
}

export async function destroyVersions(ask: Ask, versions: readonly number[]): Promise<void> {
  successful(await ask('POST', 'destroy', { versions }))
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
function leftIn({ versions = {} }: Partial<Metadata> = {}): number[] {
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
