/** What an archive has, signed: `manifest.json`, and over its bytes a detached JWS (RFC 7515, appendix F) in `manifest.jws`. */
import { hash } from 'node:crypto'
import { z } from 'zod'
import type { ArchivedFile } from './archive.ts'
import { formats } from './format.ts'
import { jsonBytes, readJson } from './json.ts'
import { type EvidenceKey, fingerprintOf, isSigned, readPublicKey } from './key.ts'

const hex = z.string().regex(/^[0-9a-f]{64}$/)

const manifest = z.strictObject({
  format: z.literal(formats.archive),
  kind: z.enum(['incident', 'period']),
  name: z.string(),
  sealedAt: z.string(),
  // Which form the reports have: another release may write them otherwise.
  reports: z.number(),
  files: z.array(z.strictObject({ name: z.string(), size: z.number(), sha256: hex })),
  signer: z.strictObject({ fingerprint: hex, publicKey: z.string() }),
})
export type Manifest = z.infer<typeof manifest>

export const manifestNames = ['manifest.json', 'manifest.jws'] as const

/** The two files that vouch for the others. */
export function signedManifest(
  about: Pick<Manifest, 'kind' | 'name' | 'sealedAt' | 'reports'>,
  files: readonly ArchivedFile[],
  key: EvidenceKey,
): ArchivedFile[] {
  const { fingerprint, publicKey } = key
  const listed = files.map(({ name, bytes }) => ({ name, size: bytes.length, sha256: hash('sha256', bytes) }))
  const signer = { fingerprint, publicKey }
  const bytes = jsonBytes({
    format: formats.archive,
    ...about,
    files: listed,
    signer,
  } satisfies Manifest)
  const header = headerOf(fingerprint)
  const signature = key.sign(signingInput(header, bytes)).toString('base64url')
  return [
    { name: manifestNames[0], bytes },
    { name: manifestNames[1], bytes: Buffer.from(`${header}..${signature}`) },
  ]
}

/** A manifest, if it is spelled as one has to be. Nothing is said about who signed it. */
export function readManifest(bytes: Uint8Array): Manifest | undefined {
  return manifest.safeParse(readJson(bytes)).data
}

/** Whether a manifest is signed by the key that it names. */
export function isSignedManifest({ signer }: Manifest, bytes: Uint8Array, jws: Uint8Array): boolean {
  const raw = readPublicKey(signer.publicKey)
  if (!raw || fingerprintOf(raw) !== signer.fingerprint) return false
  const header = headerOf(signer.fingerprint)
  const signature = Buffer.from(
    Buffer.from(jws)
      .toString('latin1')
      .slice(header.length + 2),
    'base64url',
  )
  // Made anew and compared: there is no other header and no other spelling.
  if (Buffer.compare(Buffer.from(`${header}..${signature.toString('base64url')}`), jws) !== 0) return false
  return isSigned(signingInput(header, bytes), signature, raw)
}

/** Names that are not the manifest's, and files whose size or digest is not what it says; as sentences. */
export function differences({ files: listed }: Manifest, files: readonly ArchivedFile[]): string[] {
  const names = files.map(({ name }) => name).join()
  if (listed.map(({ name }) => name).join() !== names) return ['the manifest lists other files than there are']
  return files.flatMap(({ name, bytes }, at) => {
    const isSame = listed[at]?.size === bytes.length && listed[at]?.sha256 === hash('sha256', bytes)
    return isSame ? [] : [`${name} is not the file that was sealed`]
  })
}

const headerOf = (fingerprint: string) =>
  Buffer.from(JSON.stringify({ alg: 'EdDSA', kid: fingerprint, typ: 'rekey-evidence' })).toString('base64url')

const signingInput = (header: string, payload: Uint8Array) =>
  Buffer.from(`${header}.${Buffer.from(payload).toString('base64url')}`)
