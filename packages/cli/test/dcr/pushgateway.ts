/** Prometheus's own Pushgateway, in a process of its own. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { eventually, freePort } from '@rekey/database/testing'

const name = 'prometheus-pushgateway'

/** Why a test that needs one is not run; false where it is installed. */
export const withoutPushgateway = isInstalled() ? false : `NOT TESTED: no Pushgateway (Debian: apt-get install ${name})`

export async function pushgateway() {
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const child = spawn(name, [`--web.listen-address=127.0.0.1:${port}`], { stdio: 'ignore' })
  await eventually(
    () => isReady(url, child),
    (ready) => ready,
  )
  return {
    url,
    /** What it has of `bff_dcr_status` of one client. */
    async statuses(instance: string): Promise<Record<string, number>> {
      const text = await (await fetch(`${url}/metrics`)).text()
      const samples = text.matchAll(/^bff_dcr_status\{([^}]*)\} (\d)$/gm)
      const labels = [...samples].map(([, given = '', value]) => ({ given, value: Number(value) }))
      const meant = labels.filter(({ given }) => given.includes(`instance="${instance}"`))
      return Object.fromEntries(meant.map(({ given, value }) => [/status="(\w+)"/.exec(given)?.[1] ?? '', value]))
    },
    async close() {
      child.kill()
      await once(child, 'exit')
    },
  }
}

async function isReady(url: string, { exitCode }: ChildProcess): Promise<boolean> {
  if (exitCode !== null) throw new Error(`${name} ended with ${exitCode}`)
  try {
    const reply = await fetch(`${url}/-/ready`)
    await reply.body?.cancel()
    return reply.ok
  } catch (cause) {
    // It does not listen yet.
    if (cause instanceof TypeError) return false
    throw cause
  }
}

function isInstalled(): boolean {
  try {
    execFileSync('/bin/sh', ['-c', `command -v ${name}`], { stdio: 'pipe' })
    return true
  } catch {
    // The shell's way of saying that there is none.
    return false
  }
}
