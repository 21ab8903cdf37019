/** Everything that a run needs, and a clock that pauses move: nobody waits for a claim that is over. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { makeEvidenceKey, readEvidenceKey } from '../../src/evidence/key.ts'
import type { IncidentRecord } from '../../src/incident/record.ts'
import { folderJournal } from '../../src/journal/folder.ts'
import type { Surroundings } from '../../src/procedure/surroundings.ts'
import { monotonicClock, systemClock } from '../clock.ts'
import { pollingApi, SECRET, serve, tools } from '../instances/estate.ts'
import { FileIssuer } from './issuer.ts'

export interface Desk {
  folder: string
  issuer: FileIssuer
  api: string
  /** Moves the clock by which claims and patience are measured. */
  advance(ms: number): void
  /** What an operator has on his machine. */
  operator(name: string, more?: Partial<Surroundings>): Surroundings & { seen: IncidentRecord[]; kept: Uint8Array[] }
  journal: ReturnType<typeof folderJournal>
}

export async function openDesk(t: TestContext, { internal = true } = {}): Promise<Desk> {
  const folder = mkdtempSync(join(tmpdir(), 'rekey-procedure-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const issuer = await FileIssuer.start(t, folder)
  const api = await serve(t, await pollingApi(t, issuer, { internal }))
  let ahead = 0
  const clock = () => systemClock() + ahead
  const journal = folderJournal(join(folder, 'incidents'), { clock, operator: 'ops' })
  const advance = (ms: number) => {
    ahead += ms
  }
  return { folder, issuer, api, advance, journal, operator: (name, more) => surroundings(name, more) }

  function surroundings(runner: string, more: Partial<Surroundings> = {}) {
    const seen: IncidentRecord[] = []
    const kept: Uint8Array[] = []
    return {
      provider: issuer.provider(journal),
      instances: tools({ pause: (ms, signal) => delay(Math.min(ms, 5), undefined, signal && { signal }) }),
      evidence: {
        key: readEvidenceKey(makeEvidenceKey().pem),
        keep: async (incident: string, bytes: Uint8Array) => `${incident}-${kept.push(bytes)}.zip`,
      },
      runner,
      clock,
      monotonic: () => monotonicClock() + ahead,
      pause: async (ms: number, signal?: AbortSignal) => {
        // Renewals come by real time: a clock that they moved would run away.
        if (ms >= 5_000) return await delay(ms, undefined, signal && { signal })
        signal?.throwIfAborted()
        advance(ms)
        await delay(1, undefined, signal && { signal })
      },
      signal: new AbortController().signal,
      refreshToken: SECRET,
      onChange: (record: IncidentRecord) => void seen.push(record),
      software: 'test/1',
      ...more,
      seen,
      kept,
    }
  }
}
