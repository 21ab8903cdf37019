import type { TestContext } from 'node:test'

const endings = new WeakMap<TestContext, (() => unknown)[]>()

/** Like `t.after`, but the last one first, and all of them: a server goes after the processes that use it. */
export function atEnd(t: TestContext, act: () => unknown): void {
  const acts = endings.get(t) ?? []
  if (acts.length === 0) t.after(() => runAll(acts))
  acts.push(act)
  endings.set(t, acts)
}

async function runAll(acts: readonly (() => unknown)[]): Promise<void> {
  const failures: unknown[] = []
  for (const act of acts.toReversed()) {
    try {
      await act()
    } catch (error) {
      failures.push(error)
    }
  }
  if (failures.length > 0) throw new AggregateError(failures, 'tidying up failed')
}
