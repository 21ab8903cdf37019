import type { Estate } from './estate.ts'
import type { Backup } from './world/postgres.ts'
import type { Random } from './world/random.ts'

/** What goes wrong besides the weather, each by its name in the counts. */
const faults: Readonly<Record<string, (estate: Estate, random: Random) => boolean>> = {
  'instance killed': ({ instances }, random) => {
    const { life } = random.pick(instances)
    life?.end()
    return life !== undefined
  },
  'instance paused': (estate, random) => pause(estate, random.pick(estate.instances).life, random),
  'verifier killed': ({ verifiers }, random) => {
    random.pick(verifiers).verifier?.life.end()
    return true
  },
  'verifier paused': (estate, random) => pause(estate, random.pick(estate.verifiers).verifier?.life, random),
  'verifier says goodbye': ({ verifiers }, random) => {
    const { verifier } = random.pick(verifiers)
    if (!verifier?.life.running) return false
    void verifier.trust.close().finally(() => verifier.life.end())
    return true
  },
  'instance cut off from the database': ({ instances }, random) => {
    random.pick(instances).link?.cut(random.between(200, 15_000))
    return true
  },
  'slow way to the database': ({ instances }, random) => {
    random.pick(instances).link?.slowDown(random.between(1_500, 3_500), random.between(5_000, 25_000))
    return true
  },
  'listener cut': ({ instances }, random) => {
    random.pick(instances).link?.cutEar(false)
    return true
  },
  'listener half-open': ({ instances }, random) => {
    random.pick(instances).link?.cutEar(true)
    return true
  },
  'network cut': ({ network, instances, verifiers }, random) => {
    const { instance } = random.pick(instances)
    const { verifier } = random.pick(verifiers)
    if (!instance || !verifier) return false
    network.cut(instance.life.name, verifier.life.name, random.between(1_000, 30_000))
    return true
  },
  'slow answers, then verifier cut off': (estate, random) => {
    const { network, world, verifiers } = estate
    const { verifier } = random.pick(verifiers)
    if (!verifier) return false
    network.slowDown(verifier.life.name, random.between(2_000, 4_800))
    world.at(random.between(2_000, 10_000), () => cutOff(estate, verifier.life.name, random.between(16_000, 40_000)))
    return true
  },
  'verifier cut off': (estate, random) => {
    const { verifier } = random.pick(estate.verifiers)
    if (verifier) cutOff(estate, verifier.life.name, random.between(1_000, 40_000))
    return verifier !== undefined
  },
  'database down': ({ world, postgres, instances }, random) => {
    postgres.up = false
    for (const { link } of instances) link?.cutEar(false)
    world.at(random.between(100, 8_000), () => {
      postgres.up = true
    })
    return true
  },
  'changes pruned': ({ postgres }, random) => {
    postgres.pruneChanges(random.pick([0, 1_000, 6_000]))
    return true
  },
  'clock stepped': (estate, random) => {
    const { partyOffMs, beyondSkew } = estate.setting
    random.pick(estate.clocks).step(random.between(-partyOffMs, partyOffMs))
    return beyondSkew ? counted(estate, 'clock stepped beyond the skew') : true
  },
  'clock set back behind a cut': (estate, random) => {
    const slot = random.pick(estate.verifiers)
    if (!slot.verifier || !estate.setting.beyondSkew) return false
    cutOff(estate, slot.verifier.life.name, random.between(16_000, 40_000))
    const backMs = random.between(1_000, 20_000)
    estate.world.at(random.between(0, 10_000), () => slot.clock.step(slot.clock.offsetMs - backMs), false)
    return true
  },
  'database failed over': (estate, random) => {
    const { instances, postgres, world } = estate
    postgres.up = false
    for (const { link } of instances) link?.cutEar(false)
    random.pick(instances).link?.cut(random.between(2_000, 6_000))
    random.pick(instances).life?.end()
    world.at(random.between(50, 1_000), () => {
      postgres.up = true
      stepDatabase(estate, random)
    })
    return true
  },
  'database clock stepped': stepDatabase,
}

/** Faults that only come alone, because they make others pointless to look for. */
export const restoreFault = 'backup restored'

export const faultNames: readonly string[] = [...Object.keys(faults), 'clock stepped beyond the skew', restoreFault]

/** Lets things go wrong, each kind in some seeds only. */
export function startFaults(estate: Estate, random: Random, isOver: () => boolean): void {
  const { world, setting } = estate
  const share = random.pick([0.15, 0.3, 0.6])
  const chosen = Object.entries(faults).filter(() => random.chance(share))
  const next = () => {
    if (isOver()) return
    strike()
    world.at(-Math.log(1 - random.next()) * setting.faultEveryMs, next, false)
  }
  const strike = () => {
    if (isOver() || chosen.length === 0) return
    const [name, happen] = random.pick(chosen)
    if (happen(estate, random)) counted(estate, name)
    // Faults seldom come alone.
    if (random.chance(0.35)) world.at(random.between(0, 1_500), strike, false)
  }
  world.at(-Math.log(1 - random.next()) * setting.faultEveryMs, next, false)
  if (setting.restores) startRestores(estate, random, isOver)
}

function startRestores(estate: Estate, random: Random, isOver: () => boolean): void {
  const { world, postgres, observer, instances } = estate
  let backup: Backup | undefined
  world.at(random.between(2_000, 25_000), () => {
    backup = postgres.backup()
  })
  world.at(random.between(25_000, 60_000), () => {
    if (!backup || isOver() || backup.keyrings.size < estate.setting.keyrings.length) return
    // Nothing was lost.
    if (backup.n === postgres.newest().n) return
    counted(estate, restoreFault)
    postgres.restore(backup)
    observer.restored(backup.n, postgres.list())
    for (const { link } of instances) link?.cutEar(false)
  })
}

/** Within what the policy reckons with, or by as much as a machine that comes from another place may be off. */
function stepDatabase(estate: Estate, random: Random): true {
  const { postgres, setting } = estate
  const { beyondSkew, databaseOffMs } = setting
  const toMs = beyondSkew
    ? postgres.clock.offsetMs + random.pick([-60_000, -700, 700, 7_000, 60_000])
    : random.between(-databaseOffMs, databaseOffMs)
  estate.databaseSteppedMs += Math.abs(toMs - postgres.clock.offsetMs)
  postgres.clock.step(toMs)
  return true
}

function cutOff({ network, instances }: Estate, name: string, forMs: number): void {
  for (const { instance } of instances) if (instance) network.cut(instance.life.name, name, forMs)
}

function pause(estate: Estate, life: Estate['instances'][number]['life'], random: Random): boolean {
  if (!life?.running) return false
  life.pause()
  const forMs = random.chance(0.3) ? random.between(10, 1_500) : random.between(1_500, 25_000)
  estate.world.at(forMs, () => life.goOn())
  return true
}

function counted(estate: Estate, name: string): true {
  estate.world.count(`fault: ${name}`)
  return true
}
