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
 * More than a credential ever has that are still accepted. By default the engine forgets all but the ten newest, and a
 * mount may be set to fewer: an old secret would be gone in the middle of its overlap.
 */
const mostVersions = 100
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

/** @returns undefined when it was deleted or destroyed, or never was */
export async function readVersion(ask: Ask, version: number): Promise<Fields | undefined> {
  for (const lagMs of [...standbyLagsMs, undefined]) {
    const reply = await ask('GET', 'data', undefined, `?version=${version}`)
    if (!isNotThere(reply)) return readIn(reply)
    const isKnown = 'data' in (reply.body as object)
    if (isKnown || lagMs === undefined) return undefined
    await pause(lagMs)
  }
}

/** A version that has no such field was written by somebody else, and is nobody's secret. */
function readIn(reply: Reply): Fields | undefined {
  const { clientSecret } = answerOf(reply, readReply).data.data
  return clientSecret === undefined ? undefined : { clientSecret }
}

/** Destroys what is older than the newest of these and not one of them; everything, and the list as well, for none. */
export async function keepVersions(ask: Ask, kept: readonly number[]): Promise<void> {
  if (kept.length === 0) {
    successful(await ask('DELETE', 'metadata'))
    return
  }
  const newest = Math.max(...kept)
  const listed = Object.entries((await readMetadata(ask))?.versions ?? {})
  const left = listed.filter(([, { destroyed }]) => !destroyed).map(([version]) => Number(version))
  const over = left.filter((version) => version < newest && !kept.includes(version))
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
  if (found && found.max_versions >= mostVersions) return found.current_version
  const reply = await ask('POST', 'metadata', {
    max_versions: mostVersions,
    metadata_cas: found?.current_metadata_version ?? 0,
  })
  // Somebody else has just done the same.
  if (!isBehind(reply)) successful(reply)
  return (await readMetadata(ask))?.current_version ?? 0
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
