/** What is told of an incident, in the order in which it is asked: is it over, what is left to do, what happened, is it proved. */
import type { IncidentEvidence } from '../document.ts'
import { auditSection } from './incident/audit.ts'
import { changesSection } from './incident/changes.ts'
import { instancesSection, refreshSection } from './incident/instances.ts'
import { keysSection } from './incident/keys.ts'
import { notesSection, openSection } from './incident/open.ts'
import { sessionsSection } from './incident/sessions.ts'
import { summary } from './incident/summary.ts'
import { stepsSection, timelineSection } from './incident/timeline.ts'
import { verifiersSection } from './incident/verifiers.ts'
import { verifySection } from './seal.ts'
import type { Report } from './text.ts'

/** @param signer fingerprint of the key that the evidence is sealed by */
export function incidentReport(evidence: IncidentEvidence, signer: string): Report {
  const { incident, provider } = evidence
  return {
    title: `Incident ${incident.plan.incident}: compromised signing key`,
    subtitle: `Evidence of ${provider.issuer}. All times are UTC, by the identity provider's clock.`,
    sections: [
      summary(evidence),
      openSection(evidence),
      notesSection(evidence),
      timelineSection(incident),
      stepsSection(incident),
      keysSection(evidence),
      verifiersSection(evidence),
      refreshSection(evidence),
      instancesSection(evidence),
      sessionsSection(evidence),
      changesSection(evidence),
      auditSection(evidence),
      verifySection(evidence, signer),
    ],
  }
}
