import type { InstanceView } from '@rekey/database'
import { type Hands, type Loop, startLoop } from '@rekey/keyring'
import { revokeForgotten, type Waits, waitsNoted, watchRootKeys } from '@rekey/service'
import type { Credentials } from '../credentials/open.ts'
import { carryOutMove } from '../issuance/carry-out.ts'
import { observe } from '../keyrings/evidence.ts'
import { prune } from '../prune.ts'
import { pruneRevocations } from '../revocations/journal.ts'
import { sealAnew } from '../root-keys/seal-anew.ts'
import { storedUnder } from '../root-keys/sealed.ts'
import type { Held } from './held.ts'
import type { Keyrings } from './keyrings.ts'
import type { Opening } from './opening.ts'

const loopBeatMs = 1_000
const pruneEveryMs = 60_000

/** Begins the rotation loop, and what else an instance does again and again for keys and credentials. They end together. */
export function beginLoops(
  opening: Opening,
  keyrings: Keyrings,
  { credentials, held }: { credentials: Credentials; held: Held },
  view: InstanceView,
) {
  const { connections, roots, opened, log } = opening
  const { db } = connections.control
  const { columnKeys, store, make } = keyrings
  const hands: Hands = {
    store,
    make,
    observe: (keyring) => observe(db, view, keyring),
    sealGiven: (_keyring, version) => columnKeys.sealGiven(version),
  }
  const waits = waitsNoted()
  const loop = rotationLoop(opening, hands, held, view, waits)
  const pruning = pruneAgainAndAgain(opening, keyrings, view)
  const endings = [
    loop.stop,
    credentials.begin(view),
    columnKeys.watch(() => view.held()),
    watchRootKeys(roots.rootKeys, db, () => storedUnder(db), roots.signer, log),
    async () => clearInterval(pruning),
  ]
  opened({ close: () => Promise.all(endings.map((end) => end())) })
  return { hands, loop, waits }
}

function rotationLoop(
  { connections, log }: Opening,
  hands: Hands,
  { memory, issuance }: Pick<Held, 'memory' | 'issuance'>,
  view: InstanceView,
  waits: Waits,
): Loop {
  const loop = startLoop(hands, {
    everyMs: loopBeatMs,
    enabled: () => view.held(),
    onError: (error) => log.error({ err: error }, 'rotation loop'),
    onDecision: waits.note,
    afterwards: async () => {
      await revokeForgotten(hands.store, memory.forgotten())
      await memory.writeJournal()
      if (issuance.current().move) await carryOutMove(connections.control.db, view)
    },
  })
  loop.poke()
  return loop
}

function pruneAgainAndAgain(
  { config, connections, roots: { rootKeys }, log }: Opening,
  { sealer }: Keyrings,
  view: InstanceView,
): NodeJS.Timeout {
  const { db } = connections.control
  const failed = (error: unknown) => log.error({ err: error }, 'revocations that are long over could not be deleted')
  return setInterval(() => {
    prune(db, view, () => sealAnew(db, sealer, rootKeys.sealing.id), log)
    pruneRevocations(db, config.columns.backupsKeptMs).catch(failed)
  }, pruneEveryMs)
}
