import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** Runs npm in a folder, whatever workspace or option the npm was called with that runs this; resolves to what it prints. */
export async function npm(cwd: string, args: readonly string[]): Promise<string> {
  const [program = '', ...before] = process.env.npm_execpath ? [process.execPath, process.env.npm_execpath] : ['npm']
  const { stdout } = await run(program, [...before, ...args], { cwd, env: environment(), maxBuffer: 64 * 1024 * 1024 })
  return stdout
}

function environment(): NodeJS.ProcessEnv {
  const given = /^npm_config_(?:workspaces?|include_workspace_root|local_prefix|omit|dry_run|json)$/i
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !given.test(name)))
}
