import { eventually } from '@rekey/database/testing'

const workersEach = 3

/**
 * Work without pause, by several workers for each of these, while a test changes something.
 *
 * @param worker begins, and gives what it then does again and again
 * @returns `more` waits until a little more of it is done; `stop` ends it, and fails when any of it failed
 */
export function underLoad<Subject>(
  subjects: readonly Subject[],
  worker: (of: Subject) => Promise<() => Promise<void>>,
) {
  let isOver = false
  let count = 0
  const work = async (subject: Subject) => {
    const act = await worker(subject)
    while (!isOver) {
      await act()
      count += 1
    }
  }
  const all = Promise.all(subjects.flatMap((subject) => Array.from({ length: workersEach }, () => work(subject))))
  // Who stops it hears of a failure; until then it is nobody's.
  all.catch(() => undefined)
  return {
    more: async () => {
      // Each worker is likely to have begun and ended something since.
      const enough = count + 2 * workersEach * subjects.length
      await eventually(
        () => count,
        (now) => now >= enough,
      )
    },
    stop: async () => {
      isOver = true
      await all
    },
  }
}
