import type { ArchivedFile } from './archive.ts'
import type { IncidentEvidence, PeriodEvidence } from './document.ts'
import { asHtml } from './report/html.ts'
import { incidentReport } from './report/incident.ts'
import { asMarkdown } from './report/markdown.ts'
import { periodReport } from './report/period.ts'

export type Evidence = IncidentEvidence | PeriodEvidence

/** The files beside `evidence.json`, which hold nothing that is not in it: they are made anew when it is verified. */
export const viewNames = ['report.md', 'report.html', 'audit.jsonl'] as const

/**
 * Which form the reports have that this release writes. It grows with every change to what they look like: evidence of another
 * form is years old, and its reports are what was signed, but they cannot be made anew to compare them.
 */
export const reportsForm = 1

/** @param signer fingerprint of the key that the evidence is sealed by */
export function viewsOf(evidence: Evidence, signer: string): ArchivedFile[] {
  const report = isIncident(evidence) ? incidentReport(evidence, signer) : periodReport(evidence, signer)
  const texts = [asMarkdown(report), asHtml(report), auditLines(evidence)]
  return viewNames.map((name, at) => ({ name, bytes: Buffer.from(texts[at] ?? '') }))
}

export function isIncident(evidence: Evidence): evidence is IncidentEvidence {
  return evidence.format === 'rekey-incident-evidence/1'
}

/** What an archive is called: the incident's id, or the control and the period. */
export function nameOf(evidence: Evidence): string {
  if (isIncident(evidence)) return evidence.incident.plan.incident
  return `${evidence.control} ${evidence.period.from}/${evidence.period.to}`
}

/** The record, an event a line; with its proof, where it has one. */
function auditLines({ record }: Evidence): string {
  const events = 'events' in record ? record.events : []
  return events.map(({ event, proof }) => `${JSON.stringify({ event, proof })}\n`).join('')
}
