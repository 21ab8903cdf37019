import { hash } from 'node:crypto'
import type { IncidentEvidence } from '../../evidence/document.ts'
import { sealIncident } from '../../evidence/seal.ts'
import type { ProviderRecord, Unavailable } from '../../providers/port.ts'
import { noteOf, stopsTheRun } from '../errors.ts'
import { isUnavailable } from '../results.ts'
import type { Run } from '../run.ts'
import type { Outcome } from '../surroundings.ts'
import { factsOf, verdictOf } from '../verdict.ts'

const lookEveryMs = 250
/** Events get their place and their proof about once a second. One whose chainer is down is not waited for any longer. */
const provenWithinMs = 5_000

/** Seals everything that is known in one signed file. */
export async function sealEvidence(run: Run): Promise<Outcome> {
  let sealed: IncidentEvidence | undefined
  await run.step('evidence', async () => {
    sealed = await everything(run)
    const { key, keep } = run.s.evidence
    const bytes = sealIncident(sealed, key)
    const kept = await run.work(() => keep(run.plan.incident, bytes))
    return { kept, signer: key.fingerprint, sha256: hash('sha256', bytes) }
  })
  const { instances, verdict } = sealed as IncidentEvidence
  return { record: run.record, instances, evidence: run.result('evidence')?.kept ?? '', ...verdict }
}

async function everything(run: Run): Promise<IncidentEvidence> {
  // First: how far the clock here is ahead is told by the time at the journal's last write, and what follows may take a while.
  const by = sealedBy(run)
  const record = await ownRecord(run)
  // The key as it stands now, and not as the journal says that it was left.
  const { keys } = await run.ask((provider) => provider.inspect(run.plan))
  const facts = factsOf(run.record, keys)
  const { notes, ...verdict } = verdictOf(facts)
  return {
    format: 'rekey-incident-evidence/1',
    ...facts,
    sealedBy: by,
    provider: run.result('guard')?.provider ?? { kind: 'unknown', issuer: 'unknown' },
    refreshes: run.result('refresh') ?? [],
    changes: run.result('changes') ?? { unavailable: 'they could not be listed' },
    record,
    verdict: { ...verdict, notes: [...notes, ...lackOf(record)] },
  }
}

function lackOf(record: ProviderRecord | Unavailable): string[] {
  const lack = isUnavailable(record) ? record.unavailable : record.incomplete
  return lack === undefined ? [] : [`the provider's own record of this: ${lack}`]
}

function sealedBy({ s, record }: Run): IncidentEvidence['sealedBy'] {
  return { runner: s.runner, clockOffsetMs: Math.round(s.clock() - Date.parse(record.now)), software: s.software }
}

/** The incident stands as it is, whatever its record lacks. */
async function ownRecord(run: Run): Promise<ProviderRecord | Unavailable> {
  const until = run.s.monotonic() + provenWithinMs
  for (;;) {
    const record = await run.ask((provider) => provider.record(run.plan.incident)).catch(whyNot)
    if (isUnavailable(record) || record.incomplete === undefined || run.s.monotonic() >= until) return record
    run.waitFor([record.incomplete])
    await run.pause(lookEveryMs)
  }
}

function whyNot(error: unknown): Unavailable {
  if (stopsTheRun(error)) throw error
  return { unavailable: noteOf(error).message }
}
