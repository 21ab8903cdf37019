import {
  activeVersion,
  changeKeyring,
  discard,
  type Keyring,
  KeyringError,
  prepare,
  requestRotation,
  rollBack,
  standbyVersion,
} from '@rekey/keyring'
import { revokeVersion } from '@rekey/service'
import type { Estate } from './estate.ts'
import type { SimulatedInstance } from './parties/instance.ts'
import type { Random } from './world/random.ts'

type Act = (instance: SimulatedInstance, name: string, estate: Estate, random: Random) => Promise<unknown>

/** What operators ask for, as the routes of administration do it. */
const acts: Readonly<Record<string, Act>> = {
  rotate: ({ store }, name) =>
    change(store, name, 'rotation_requested', (keyring, now) =>
      requestRotation(keyring, { by: 'ops', forced: false }, now),
    ),
  force: ({ store }, name) =>
    change(store, name, 'rotation_requested', (keyring, now) =>
      requestRotation(keyring, { by: 'ops', forced: true }, now),
    ),
  'roll back': ({ store }, name) => change(store, name, 'rolled_back', rollBack),
  discard: ({ store }, name) =>
    change(store, name, 'discarded', (keyring, now) => discard(keyring, standbyVersion(keyring)?.id ?? 'none', now)),
  prepare: async ({ store, hands }, name) => {
    const keyring = await store.load(name)
    if (!keyring || keyring.versions.filter(({ state }) => state === 'prepared').length >= 4) return
    const material = await hands.make(keyring)
    await change(store, name, 'prepared', (current, now) => prepare(current, material, now))
  },
  'revoke the standby': (instance, name, estate) => revoke(instance, name, estate, standbyVersion),
  'revoke the active version': (instance, name, estate) => revoke(instance, name, estate, activeVersion),
  'revoke a retiring version': (instance, name, estate) =>
    revoke(instance, name, estate, ({ versions }) => versions.find(({ state }) => state === 'retiring')),
  'forget a verifier': async ({ link, loop }, _name, estate, random) => {
    const slot = random.pick(estate.verifiers)
    if (slot.verifier) estate.observer.excuses.forgotten(slot.verifier)
    await link.call((db) => db.endLease('api', slot.knownAs))
    loop.poke()
  },
}

export const actNames: readonly string[] = Object.keys(acts)

/** Plans are made often, and force, forgetting and revocation are rare. */
const drawn = ['rotate', 'rotate', 'rotate', 'rotate', 'rotate', 'roll back', ...actNames]

/** Lets operators ask for things until it is over. Each act runs in the process that was asked, and may die with it. */
export function startOperators(estate: Estate, random: Random, isOver: () => boolean): void {
  const { world, setting } = estate
  const next = () => world.at(-Math.log(1 - random.next()) * setting.actEveryMs, ask)
  const ask = () => {
    if (isOver()) return
    next()
    const { instance } = random.pick(estate.instances)
    if (!instance?.life.running || !instance.view.held()) return
    const act = random.pick(drawn)
    const { name } = random.pick(setting.keyrings)
    void carryOut(estate, instance, act, name, random)
  }
  next()
}

async function carryOut(estate: Estate, instance: SimulatedInstance, act: string, name: string, random: Random) {
  const { world } = estate
  world.log(() => `${instance.life.name} is asked: ${act} ${name}`)
  const question = {}
  estate.asked.add(question)
  const withdraw = instance.life.whenOver(() => estate.asked.delete(question))
  try {
    await acts[act]?.(instance, name, estate, random)
    world.count(`act: ${act}`)
    instance.loop.poke()
  } catch (error) {
    // A refusal is an answer, and so is a database that cannot be reached; a defect is neither.
    const expected =
      error instanceof KeyringError || ['UNREACHABLE', 'TRY_AGAIN'].includes((error as { code?: string }).code ?? '')
    if (!expected) world.violated(`${act} failed: ${error}`)
    world.log(() => `${act} was refused: ${error}`)
  } finally {
    withdraw()
    estate.asked.delete(question)
  }
}

async function revoke(
  { life, store, hands, view }: SimulatedInstance,
  name: string,
  { observer, world }: Estate,
  choose: (keyring: Keyring) => { id: string } | undefined,
): Promise<void> {
  const keyring = await store.load(name)
  const target = keyring && choose(keyring)
  if (!target) return
  const restores = observer.restores
  // The real pause is 20 ms: nothing hangs on it but how often the database is asked.
  const pause = (ms: number) => new Promise<void>((resolve) => life.after(10 * ms, resolve))
  await revokeVersion({ store, hands, view }, name, target.id, { reason: 'drill' }, 'ops', pause)
  world.log(() => `${life.name} answers: ${target.id} is revoked`)
  if (observer.restores === restores && !observer.justRestored) observer.answered(target.id)
}

function change(
  store: SimulatedInstance['store'],
  name: string,
  action: string,
  transition: (keyring: Keyring, now: number) => Keyring,
): Promise<Keyring> {
  return changeKeyring(store, name, transition, { action: `keyring.${action}`, actor: 'ops', details: {} })
}
