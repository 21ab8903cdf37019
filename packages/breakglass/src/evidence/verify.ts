import { BreakGlassError } from '../error.ts'
import { falseClaims } from './claims.ts'
import { readJson } from './json.ts'
import { differences, isSignedManifest, type Manifest } from './manifest.ts'
import { type Opened, openArchive } from './open.ts'
import { checkProofs, type Proven } from './proofs.ts'
import { misshapen } from './shape.ts'
import { type Evidence, isIncident, nameOf, reportsForm, viewsOf } from './views.ts'

export interface EvidenceVerdict {
  /** It is what was sealed by the key that it names, and what it says fits together. */
  consistent: boolean
  /** Whether that key is one of those that were given as known. */
  signer: 'known' | 'unknown'
  /** SHA-256 of that key; empty where the file is none of evidence. */
  fingerprint: string
  /** As sentences; none when it is consistent. */
  problems: string[]
  kind?: Manifest['kind']
  name?: string
  sealedAt?: string
  proofs: Omit<Proven, 'problems'>
}

/** Fingerprints in hexadecimal digits. */
export interface Known {
  /** The key that it must be sealed by. */
  signer?: string
  /** Keys that the reader knows besides. */
  known?: readonly string[]
  /** The key that the audit's checkpoints must be signed by. */
  auditSigner?: string
}

const noProofs = { verified: 0, waiting: 0, signers: [] }

/** Verifies an archive of evidence. Nothing but its bytes is needed, and nothing in it can make this throw. */
export function verifyEvidence(bytes: Uint8Array, { signer, known = [], auditSigner }: Known = {}): EvidenceVerdict {
  const opened = opening(bytes)
  if (typeof opened === 'string') {
    return { consistent: false, signer: 'unknown', fingerprint: '', problems: [opened], proofs: noProofs }
  }
  const { manifest } = opened
  const { fingerprint } = manifest.signer
  // What is not as it was sealed says nothing: it is not read any further.
  const unsealed = sealProblems(opened)
  const { problems, ...proofs } =
    unsealed.length > 0 ? { ...noProofs, problems: unsealed } : contents(opened, auditSigner)
  const isKnown = unsealed.length === 0 && (signer === undefined ? known.includes(fingerprint) : fingerprint === signer)
  const { kind, name, sealedAt } = manifest
  const consistent = problems.length === 0
  return { consistent, signer: isKnown ? 'known' : 'unknown', fingerprint, problems, kind, name, sealedAt, proofs }
}

function opening(bytes: Uint8Array): Opened | string {
  try {
    return openArchive(bytes)
  } catch (error) {
    if (error instanceof BreakGlassError && error.code === 'EVIDENCE_INVALID') return error.message
    throw error
  }
}

function sealProblems({ manifest, signed, jws, files }: Opened): string[] {
  const isSigned = isSignedManifest(manifest, signed, jws)
  return [...(isSigned ? [] : ['the manifest is not signed by the key that it names']), ...differences(manifest, files)]
}

function contents({ manifest, files }: Opened, auditSigner: string | undefined): Proven {
  const evidence = readJson(files[0]?.bytes ?? new Uint8Array()) as Evidence | undefined
  const wrong = evidence === undefined ? 'how it is spelled' : misshapen(evidence)
  if (evidence === undefined || wrong !== undefined) {
    return { ...noProofs, problems: [`evidence.json is not what evidence looks like: ${wrong}`] }
  }
  const { problems, ...proofs } = checkProofs(evidence, auditSigner)
  const views = viewsOf(evidence, manifest.signer.fingerprint)
  const foreign = views.filter((view, at) => {
    const isComparable = manifest.reports === reportsForm || !view.name.startsWith('report.')
    return isComparable && !Buffer.from(view.bytes).equals(files[at + 1]?.bytes ?? new Uint8Array())
  })
  const others = [
    ...foreign.map(({ name }) => `${name} says other things than evidence.json`),
    ...falseClaims(evidence),
  ]
  return { ...proofs, problems: [...aboutProblems(manifest, evidence), ...others, ...problems] }
}

function aboutProblems({ kind, name, sealedAt }: Manifest, evidence: Evidence): string[] {
  const isSame =
    kind === (isIncident(evidence) ? 'incident' : 'period') &&
    name === nameOf(evidence) &&
    sealedAt === evidence.sealedAt
  return isSame ? [] : ['the manifest is that of other evidence']
}
