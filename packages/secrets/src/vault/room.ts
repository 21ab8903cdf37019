/** What the engine keeps about a path, and that there is room in it for versions. */
import { z } from 'zod'
import { isBehind, isNotThere } from './refusal.ts'
import { type Ask, answerOf, successful } from './reply.ts'

/**
 * How many versions a path is made to keep. By default the engine forgets all but the ten newest, and a mount may be set to
 * fewer: an old secret would be gone in the middle of its overlap.
 */
const mostVersions = 100
/** For so many more there is always room: what is written at once and comes to nothing takes up versions as well. */
const roomFor = 50

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
type Metadata = z.infer<typeof metadataReply>['data']

/**
 * Has the path keep enough versions first. That also finds out what the engine is before a secret is sent: one of version 1
 * takes everything, under any name, and keeps it for ever.
 */
export async function newestVersion(ask: Ask): Promise<number> {
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

export async function readMetadata(ask: Ask): Promise<Metadata | undefined> {
  const reply = await ask('GET', 'metadata')
  return isNotThere(reply) ? undefined : answerOf(reply, metadataReply).data
}
