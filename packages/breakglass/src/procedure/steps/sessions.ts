import type { Run } from '../run.ts'

export function endSessions(run: Run): Promise<void> {
  return run.step('sessions', async () => {
    if (run.plan.sessions.length === 0) return { entries: [], stores: [] }
    return run.ask((provider) => provider.endSessions(run.plan))
  })
}
