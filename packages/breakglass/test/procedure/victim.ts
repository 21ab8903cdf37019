/** Runs the procedure as a process of its own, and is killed as soon as a step is written down as begun. */
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { makeEvidenceKey, readEvidenceKey } from '../../src/evidence/key.ts'
import { folderJournal } from '../../src/journal/folder.ts'
import { breakGlass } from '../../src/procedure/break-glass.ts'
import { monotonicClock, systemClock } from '../clock.ts'
import { SECRET, tools } from '../instances/estate.ts'
import { FileIssuer } from './issuer.ts'
import { planFor } from './plan.ts'

const [folder = '', api = '', step = ''] = process.argv.slice(2)
const journal = folderJournal(join(folder, 'incidents'), { clock: systemClock, operator: 'ops' })

await breakGlass(planFor({ api }), {
  provider: new FileIssuer(folder).provider({
    ...journal,
    async step(incident, runner, name, change) {
      const record = await journal.step(incident, runner, name, change)
      if (name === step && change.state === 'running') process.kill(process.pid, 'SIGKILL')
      return record
    },
  }),
  instances: tools(),
  evidence: { key: readEvidenceKey(makeEvidenceKey().pem), keep: async () => 'nowhere' },
  runner: `ada (pid ${process.pid})`,
  clock: systemClock,
  monotonic: monotonicClock,
  pause: (ms, signal) => delay(ms, undefined, signal && { signal }),
  signal: new AbortController().signal,
  refreshToken: SECRET,
  onChange: () => undefined,
  software: 'test/1',
})
