/** What happens to an estate is drawn at random: rounds, of which each begins when the one before it is over. */
import fc from 'fast-check'

export type Happening<Estate> = (estate: Estate) => Promise<unknown>

/** One of those, by weight; each is about one of a few. */
export function oneOf<Estate>(
  ...choices: [weight: number, happen: (estate: Estate, which: number) => Promise<unknown>][]
): fc.Arbitrary<Happening<Estate>> {
  const arbitraryOf = (happen: (estate: Estate, which: number) => Promise<unknown>) =>
    fc.nat(6).map(
      (which): Happening<Estate> =>
        (estate) =>
          happen(estate, which),
    )
  return fc.oneof(...choices.map(([weight, happen]) => ({ weight, arbitrary: arbitraryOf(happen) })))
}

/** What stands in one round happens at the same time. */
export function roundsOf<Estate>(happening: fc.Arbitrary<Happening<Estate>>): fc.Arbitrary<Happening<Estate>[][]> {
  return fc.array(fc.array(happening, { minLength: 2, maxLength: 8 }), { minLength: 15, maxLength: 30 })
}

/** Lets the rounds happen, in whatever order the scheduler draws. */
export async function play<Estate>(scheduler: fc.Scheduler, estate: Estate, rounds: Happening<Estate>[][]) {
  for (const round of rounds) {
    const started = round.map((happen) => happen(estate))
    await scheduler.waitIdle()
    await Promise.all(started)
  }
}

/** Whatever crosses a process's border waits for its turn, on its way there and back. */
export function borderOf(scheduler: fc.Scheduler) {
  return async <T>(act: () => Promise<T>): Promise<T> => {
    await scheduler.schedule(Promise.resolve())
    const result = await act()
    await scheduler.schedule(Promise.resolve())
    return result
  }
}
