import { BreakGlassError } from '../error.ts'
import { type ArchivedFile, unpack } from './archive.ts'
import { refuseUnknownFormat } from './format.ts'
import { readJson } from './json.ts'
import { type Manifest, manifestNames, readManifest } from './manifest.ts'
import { misshapen } from './misshapen.ts'
import { type Evidence, reportText, viewNames } from './views.ts'

/** An archive of which nothing but the form is known to be right. */
export interface Opened {
  manifest: Manifest
  /** The bytes of the manifest, of its signature, and the files that it lists. */
  signed: Uint8Array
  jws: Uint8Array
  files: ArchivedFile[]
}

const names = [...manifestNames, 'evidence.json', ...viewNames].join()

/** @throws BreakGlassError `EVIDENCE_INVALID`, with `facts.format` where it is of one that this release does not know */
export function openArchive(bytes: Uint8Array): Opened {
  const [first, second, ...files] = unpack(bytes)
  // Another format may have other files.
  if (first?.name === manifestNames[0]) refuseUnknownFormat(readJson(first.bytes))
  const found = [first, second, ...files].map((file) => file?.name).join()
  if (!first || !second || found !== names) throw invalid('the archive has other files than evidence has')
  const manifest = readManifest(first.bytes)
  if (!manifest) throw invalid('manifest.json is not spelled as a manifest of evidence is')
  return { manifest, signed: first.bytes, jws: second.bytes, files }
}

/** What is said in an archive, whoever signed it. @throws BreakGlassError as `openArchive` */
export function evidenceIn({ files: [first] }: Opened): Evidence {
  const document = readJson(first?.bytes ?? new Uint8Array())
  refuseUnknownFormat(document)
  const wrong = document === undefined ? 'how it is spelled' : misshapen(document)
  if (wrong !== undefined) throw invalid(`evidence.json is not what evidence looks like: ${wrong}`)
  return document as Evidence
}

/**
 * A file of evidence as it is stored. Nothing is verified but the form of the archive, and a report may hold anything, sequences
 * that steer a terminal among it: `evidenceReport` is what people may be shown.
 *
 * @throws BreakGlassError `EVIDENCE_INVALID`
 */
export function readEvidenceFile(bytes: Uint8Array, name: 'evidence.json' | (typeof viewNames)[number]): string {
  const found = openArchive(bytes).files.find((file) => file.name === name)
  return Buffer.from(found?.bytes ?? []).toString()
}

/**
 * The report of evidence in Markdown, made anew of `evidence.json`: the one that is stored is not looked at. Whether the evidence
 * holds, and who sealed it, is for `verifyEvidence` to say.
 *
 * @throws BreakGlassError `EVIDENCE_INVALID`
 */
export function evidenceReport(bytes: Uint8Array): string {
  const opened = openArchive(bytes)
  return reportText(evidenceIn(opened), opened.manifest.signer.fingerprint)
}

const invalid = (message: string) => new BreakGlassError('EVIDENCE_INVALID', message)
