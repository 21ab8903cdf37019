import type { Run } from '../run.ts'

export function listChanges(run: Run): Promise<void> {
  return run.step('changes', () => run.ask((provider) => provider.changes(run.plan)))
}
