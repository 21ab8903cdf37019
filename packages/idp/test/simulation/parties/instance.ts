import { generateKeyPairSync } from 'node:crypto'
import { InstanceView, type Ledger } from '@rekey/database'
import { ensureKeyring, type Hands, type KeyringStore, type Loop, startLoop } from '@rekey/keyring'
import { type RevocationJournal, revokeForgotten } from '@rekey/service'
import { accepting } from '../../../src/keyrings/evidence.ts'
import { instanceMemory } from '../../../src/memory.ts'
import type { SigningKeys } from '../../../src/signing/keys.ts'
import { trustHub } from '../../../src/trust/hub.ts'
import type { Estate } from '../estate.ts'
import type { Link } from '../world/link.ts'
import type { Server } from '../world/network.ts'
import type { Life } from '../world/process.ts'
import { serverOf } from './server.ts'

const loopBeatMs = 1_000

/** One life of an instance of the identity provider: the parts of `src/instance/open.ts`, on a simulated machine. */
export interface SimulatedInstance {
  life: Life
  link: Link
  store: KeyringStore
  hands: Hands
  view: InstanceView
  loop: Loop
  keys(): SigningKeys
  server: Server
}

/** Every key of a simulation: which one a token was signed by is told by its `kid`. Made once, because making one is slow. */
const pkcs8 = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'der', type: 'pkcs8' })
const sealer = { seal: () => 'sealed', open: () => pkcs8 }
const credentials = { forget: () => undefined, forgetAll: () => undefined }

/** Starts an instance as `openInstance` does; rejects where that would, and the process ends. */
export async function bootInstance(
  estate: Estate,
  life: Life,
  link: Link,
  journal: RevocationJournal,
): Promise<SimulatedInstance> {
  const { observer, world, setting } = estate
  const onError = (error: unknown) => world.log(() => `${life.name}: ${error}`)
  const store = storeThrough(link)
  const make = async () => {
    const kid = estate.newKid()
    return { id: kid, publicPart: { kty: 'SIM', kid }, sealedPrivate: 'sealed' }
  }
  const hub = trustHub(life.every)
  const epoch = async () => (await link.call((db) => db.newest())).epoch
  const readTrust = async () => ({ keyrings: await store.list(), denied: { revision: 0, changes: [] } })
  const clock = () => world.now
  const memory = instanceMemory(readTrust, epoch, sealer, credentials, hub, journal, clock, onError)
  const ensureDocuments = async () => {
    for (const { name, algorithm } of setting.keyrings) {
      await ensureKeyring({ store, make }, { name, algorithm, policy: estate.policy })
    }
  }
  await ensureDocuments()
  let loop: Loop | undefined
  const viewer = {
    ...memory,
    async reload() {
      await ensureDocuments()
      await memory.reload()
    },
    confirmed(revision: number) {
      observer.confirmed(life, revision)
      loop?.poke()
    },
    lost(reason: string) {
      world.count(`view lost: ${reason.replaceAll(/\d+(\.\d+)?/g, 'N')}`)
      memory.drop()
    },
  }
  const view = await InstanceView.open(viewer, {
    id: life.name,
    address: life.name,
    ledger: ledgerThrough(link),
    listen: (heard) => link.listen(heard),
    onError,
    clocks: life.clock,
    after: life.after,
  })
  const hands: Hands = { store, make, observe: () => observe(link, view) }
  const running = startLoop(hands, {
    everyMs: loopBeatMs,
    enabled: () => view.held(),
    onError,
    afterwards: () => revokeForgotten(store, memory.forgotten()),
    every: life.every,
  })
  loop = running
  loop.poke()
  const parts = { life, link, store, hands, view, loop, keys: memory.keys }
  return { ...parts, server: serverOf(parts, hub, setting.policy.jwksMaxAgeMs) }
}

function storeThrough(link: Link): KeyringStore {
  return {
    load: (name) => link.call((db) => db.load(name)),
    list: () => link.call((db) => db.list()),
    due: (now) => link.call((db) => db.due(now)),
    save: (previous, next, change) => link.call((db) => db.save(previous, next, change)),
    now: () => link.call((db) => db.now()),
  }
}

function ledgerThrough(link: Link): Ledger {
  return {
    newest: () => link.call((db) => db.newest()),
    changesSince: (revision) => link.call((db) => db.changesSince(revision)),
    beginEpoch: (seen) => link.call((db) => db.beginEpoch(seen)),
    enter: (id, address) => link.call((db) => db.enter(id, address)),
    renew: (id, applied, announce) => link.call((db) => db.renew(id, applied, announce)),
    leave: (id) => link.call((db) => db.leave(id)),
    instances: () => link.call((db) => db.instances()),
  }
}

/** As `evidenceFor` reads it: the parts one by one, because no snapshot holds them together. */
async function observe(link: Link, view: InstanceView) {
  const [seen, { epoch }] = await Promise.all([link.call((db) => db.verifiers()), link.call((db) => db.newest())])
  const instances = await view.live()
  return { instances, verifiers: accepting(seen, epoch, view) }
}
