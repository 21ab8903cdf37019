import type { ArchivedFile } from './archive.ts'
import type { IncidentEvidence } from './document.ts'
import { formats } from './format.ts'
import type { PeriodEvidence } from './period/document.ts'
import { drawn } from './period/draw.ts'
import { recordsOf } from './records.ts'
import { asHtml } from './report/html.ts'
import { incidentReport } from './report/incident.ts'
import { asMarkdown } from './report/markdown.ts'
import { periodReport } from './report/period.ts'
import type { Report } from './report/text.ts'

export type Evidence = IncidentEvidence | PeriodEvidence

/** The files beside `evidence.json`, which hold nothing that is not in it: they are made anew when it is verified. */
export const viewNames = ['report.md', 'report.html', 'audit.jsonl'] as const

/**
 * Which form the reports have that this release writes. It grows with every change to what they look like. Reports of another form
 * cannot be made anew to compare them: they are what the sealer signed, and whether they say what `evidence.json` says is not
 * known. For whoever has a key of his own can write any number here: what people are shown is made of `evidence.json`.
 */
export const reportsForm = 1

/** @param signer fingerprint of the key that the evidence is sealed by */
export function viewsOf(evidence: Evidence, signer: string): ArchivedFile[] {
  const report = reportOf(evidence, signer)
  const texts = [asMarkdown(report), asHtml(report), auditLines(evidence)]
  return viewNames.map((name, at) => ({ name, bytes: Buffer.from(texts[at] ?? '') }))
}

/** `report.md`, without the others. */
export function reportText(evidence: Evidence, signer: string): string {
  return asMarkdown(reportOf(evidence, signer))
}

function reportOf(evidence: Evidence, signer: string): Report {
  if (isIncident(evidence)) return incidentReport(evidence, signer)
  // What follows from the facts is drawn anew: the evidence may say anything there.
  return periodReport({ ...evidence, ...drawn(evidence) }, signer)
}

export function isIncident(evidence: Evidence): evidence is IncidentEvidence {
  return evidence.format === formats.incident
}

/** What an archive is called: the incident's id, or the control and the period. */
export function nameOf(evidence: Evidence): string {
  if (isIncident(evidence)) return evidence.incident.plan.incident
  return `${evidence.control} ${evidence.period.from}/${evidence.period.to}`
}

/** The records, an event a line; with its proof, where it has one. */
function auditLines(evidence: Evidence): string {
  const events = recordsOf(evidence).flatMap((recorded) => recorded.events)
  return events.map(({ event, proof }) => `${JSON.stringify({ event, proof })}\n`).join('')
}
