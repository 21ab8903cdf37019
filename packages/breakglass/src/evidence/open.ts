import { BreakGlassError } from '../error.ts'
import { type ArchivedFile, unpack } from './archive.ts'
import { type Manifest, manifestNames, readManifest } from './manifest.ts'
import { viewNames } from './views.ts'

/** An archive of which nothing but the form is known to be right. */
export interface Opened {
  manifest: Manifest
  /** The bytes of the manifest, of its signature, and the files that it lists. */
  signed: Uint8Array
  jws: Uint8Array
  files: ArchivedFile[]
}

const names = [...manifestNames, 'evidence.json', ...viewNames].join()

/** @throws BreakGlassError `EVIDENCE_INVALID` */
export function openArchive(bytes: Uint8Array): Opened {
  const [first, second, ...files] = unpack(bytes)
  const found = [first, second, ...files].map((file) => file?.name).join()
  if (!first || !second || found !== names) throw invalid('the archive has other files than evidence has')
  const manifest = readManifest(first.bytes)
  if (!manifest) throw invalid('manifest.json is not spelled as a manifest of evidence is')
  return { manifest, signed: first.bytes, jws: second.bytes, files }
}

/**
 * A file of evidence: `report.md`, for example. Nothing is verified but the form of the archive.
 *
 * @throws BreakGlassError `EVIDENCE_INVALID`
 */
export function readEvidenceFile(bytes: Uint8Array, name: 'evidence.json' | (typeof viewNames)[number]): string {
  const found = openArchive(bytes).files.find((file) => file.name === name)
  return Buffer.from(found?.bytes ?? []).toString()
}

const invalid = (message: string) => new BreakGlassError('EVIDENCE_INVALID', message)
