import { Estate } from './estate.ts'
import { startFaults } from './faults.ts'
import { startOperators } from './operator.ts'
import { comeToRest, endTrouble } from './rest.ts'
import { World } from './world/world.ts'

/** How often the observer looks although nothing happens. */
const lookEveryMs = 50

/** How one seed went. */
export interface Outcome {
  seed: number
  /** What was violated, if anything. */
  violation: string | undefined
  /** How often each thing happened that must be seen to happen in some seed. */
  counts: ReadonlyMap<string, number>
  /** Tells two histories apart. */
  trace: number
  lines: readonly string[]
}

/** Errors are answers here, thousands of them a second, and nobody reads where they were made. */
Error.stackTraceLimit = 0

/** Runs one seed from an empty database to the rest after the last fault. */
export async function runSeed(seed: number, keepLog = false): Promise<Outcome> {
  const world = new World(seed, keepLog)
  const estate = new Estate(world)
  world.log(() => JSON.stringify(estate.setting))
  await trouble(estate)
  endTrouble(estate)
  await comeToRest(estate)
  const { violation, counts, trace, lines } = world
  return { seed, violation: violation?.message, counts, trace, lines }
}

async function trouble(estate: Estate): Promise<void> {
  const { world, setting, observer } = estate
  const isOver = () => world.now >= setting.troubleMs
  const look = () => {
    if (!isOver()) world.at(lookEveryMs, look, false)
  }
  for (const slot of [...estate.instances, ...estate.verifiers, ...estate.readers]) {
    world.at(world.random.between(0, 1_000), () => slot.start())
  }
  look()
  startFaults(estate, world.random.fork(), isOver)
  startOperators(estate, world.random.fork(), isOver)
  await world.runUntil(setting.troubleMs, () => observer.check())
}
