import { type ArchivedFile, pack } from '../../src/evidence/archive.ts'
import type { EvidenceKey } from '../../src/evidence/key.ts'
import { signedManifest } from '../../src/evidence/manifest.ts'

/** What a manifest says of evidence, besides its files. */
export type About = Parameters<typeof signedManifest>[0]

/** These files under a signature that fits them: what a dishonest holder of the key can make. */
export function signed(files: readonly ArchivedFile[], about: About, key: EvidenceKey): Uint8Array {
  return pack([...signedManifest(about, files, key), ...files])
}
