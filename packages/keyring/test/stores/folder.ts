import { newKeyring } from '../../src/lifecycle/keyring.ts'
import { changeKeyring } from '../../src/loop/change.ts'
import { defaultPolicy } from '../../src/policy/signing.ts'
import { directoryStore } from '../../src/stores/directory.ts'
import type { Change } from '../../src/stores/store.ts'
import { startMs } from '../samples.ts'

/** Keeps keyring `elsewhere` in a folder, and changes it so many times, its making included, a second apart. */
export async function changedIn(folder: string, action: string, times: number): Promise<void> {
  let nowMs = startMs
  const store = directoryStore(folder, () => nowMs)
  const about = (n: number): Change => ({ action, actor: 'somebody', details: { n } })
  await store.save(undefined, newKeyring('elsewhere', 'shared-secret', 'HS256', defaultPolicy), about(1))
  for (let n = 2; n <= times; n += 1) {
    nowMs += 1_000
    await changeKeyring(
      store,
      'elsewhere',
      (keyring) => ({ ...keyring, policy: { ...keyring.policy, skewMs: n } }),
      about(n),
    )
  }
}
