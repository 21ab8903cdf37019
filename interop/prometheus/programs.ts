/** Prometheus and Alertmanager as Debian has them, with the configuration of `deploy/`, in a hurry. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { eventually, freePort } from '@rekey/database/testing'
import { deployed } from './deployed.ts'

const programs = ['prometheus', 'promtool', 'prometheus-alertmanager', 'amtool']

/** Which of them are not there. */
const missing = programs.filter((name) => !isThere(name))
export const skip =
  missing.length > 0 && `NOT TESTED: ${missing.join(', ')} (Debian: apt-get install prometheus prometheus-alertmanager)`

function isThere(name: string): boolean {
  try {
    execFileSync('/bin/sh', ['-c', `command -v ${name}`], { stdio: 'pipe' })
    return true
  } catch {
    // The shell's way of saying that there is none.
    return false
  }
}

/** The interval of scrapes and evaluations. */
const interval = '500ms'
const scaled = (text: string) => text.replaceAll(/\[\d+m\]/g, '[4s]')

/** What takes minutes takes a second; what is compared stays as it is. */
function hurried() {
  const { groups } = deployed('prometheus/rules/rekey.yml')
  for (const group of groups) {
    for (const rule of group.rules) {
      rule.expr = scaled(rule.expr)
      if (rule.for !== undefined && rule.for !== '0m') rule.for = '1s'
    }
  }
  return { groups }
}

export interface Running {
  readonly url: string
  stop(): Promise<void>
}

/** @param targets by the names of the jobs; a job that has none is not scraped */
export async function startPrometheus(
  folder: string,
  targets: Readonly<Record<string, readonly string[]>>,
  alertmanager: string,
): Promise<Running> {
  await mkdir(join(folder, 'rules'))
  await writeFile(join(folder, 'rules/rekey.yml'), JSON.stringify(hurried()))
  const config = deployed('prometheus/prometheus.yml')
  config.global = { scrape_interval: interval, evaluation_interval: interval }
  config.rule_files = [join(folder, 'rules/*.yml')]
  config.alerting.alertmanagers = [{ static_configs: [{ targets: [new URL(alertmanager).host] }] }]
  config.scrape_configs = config.scrape_configs.flatMap((job: { job_name: string }) =>
    targets[job.job_name] ? [{ ...job, static_configs: [{ targets: targets[job.job_name] }] }] : [],
  )
  const file = join(folder, 'prometheus.yml')
  await writeFile(file, JSON.stringify(config))
  const options = [`--config.file=${file}`, `--storage.tsdb.path=${join(folder, 'data')}`, '--log.level=error']
  return start('prometheus', [...options, '--rules.alert.resend-delay=1s'])
}

/** @param receiver whose paths take the place of the receivers' */
export async function startAlertmanager(folder: string, receiver: string): Promise<Running> {
  const config = deployed('alertmanager/alertmanager.yml')
  const atOnce = { group_wait: '0s', group_interval: '1s' }
  Object.assign(config.route, atOnce)
  for (const route of config.route.routes) Object.assign(route, atOnce)
  // Each is waited for here, also what another one says as well.
  config.inhibit_rules = []
  for (const { webhook_configs: hooks } of config.receivers) {
    for (const hook of hooks) hook.url = receiver + new URL(hook.url).pathname
  }
  const file = join(folder, 'alertmanager.yml')
  await writeFile(file, JSON.stringify(config))
  const options = [`--config.file=${file}`, `--storage.path=${join(folder, 'alerts')}`, '--log.level=error']
  return start('prometheus-alertmanager', [...options, '--cluster.listen-address='])
}

async function start(program: string, options: readonly string[]): Promise<Running> {
  const address = `127.0.0.1:${await freePort()}`
  const child = spawn(program, [...options, `--web.listen-address=${address}`], {
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  const url = `http://${address}`
  await eventually(
    () => isReady(url, child),
    (ready) => ready,
  )
  return { url, stop: () => end(child) }
}

async function isReady(url: string, child: ChildProcess): Promise<boolean> {
  if (child.exitCode !== null) throw new Error(`it ended at once (${child.exitCode})`)
  const reply = await fetch(`${url}/-/ready`).catch(() => undefined)
  await reply?.body?.cancel()
  return reply?.status === 200
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return
  const ended = once(child, 'exit')
  child.kill('SIGTERM')
  await ended
}
