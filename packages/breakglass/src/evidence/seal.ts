import { BreakGlassError } from '../error.ts'
import { pack } from './archive.ts'
import type { IncidentEvidence } from './document.ts'
import { jsonBytes } from './json.ts'
import type { EvidenceKey } from './key.ts'
import { signedManifest } from './manifest.ts'
import { misshapen } from './misshapen.ts'
import type { PeriodFacts } from './period/document.ts'
import { drawn } from './period/draw.ts'
import { withoutSecrets } from './secrets.ts'
import { type Evidence, isIncident, nameOf, reportsForm, viewsOf } from './views.ts'

/**
 * Everything known of an incident in one signed archive. Texts that look like secrets are taken out.
 *
 * @returns a ZIP archive
 * @throws BreakGlassError `EVIDENCE_INVALID` when a member is missing (`facts.path`), or it would be too large
 */
export function sealIncident(evidence: IncidentEvidence, key: EvidenceKey): Uint8Array {
  return seal(evidence, key)
}

/** The same for a period; rotations, revocations, exceptions and what is covered by them are drawn from its facts. */
export function sealPeriod(facts: PeriodFacts, key: EvidenceKey): Uint8Array {
  // Drawn from what will be read again.
  const sealed: PeriodFacts = withoutSecrets(facts)
  return seal({ ...sealed, ...drawn(sealed) }, key)
}

function seal(whole: Evidence, key: EvidenceKey): Uint8Array {
  const bytes = jsonBytes(withoutSecrets(whole))
  // As whoever verifies it will have it: without what JSON leaves out.
  const evidence: Evidence = JSON.parse(bytes.toString())
  const path = misshapen(evidence)
  if (path !== undefined) throw new BreakGlassError('EVIDENCE_INVALID', `the evidence is not whole: ${path}`, { path })
  const files = [{ name: 'evidence.json', bytes }, ...viewsOf(evidence, key.fingerprint)]
  const kind = isIncident(evidence) ? 'incident' : 'period'
  const about = { kind, name: nameOf(evidence), sealedAt: evidence.sealedAt, reports: reportsForm } as const
  return pack([...signedManifest(about, files, key), ...files])
}
