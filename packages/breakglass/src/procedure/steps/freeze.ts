import type { Run } from '../run.ts'

export function freezeAdministration(run: Run): Promise<void> {
  return run.step('freeze', () => run.ask((provider) => provider.freeze(run.plan)))
}
