import { styleText } from 'node:util'
import {
  ListrTaskEventType,
  ListrTaskState,
  type ListrRenderer,
  type ListrTaskObject,
  type SimpleRenderer,
} from 'listr2'

type Task = ListrTaskObject<unknown, typeof SimpleRenderer, typeof SimpleRenderer>

/**
 * listr2's renderer for CI and pipes: one line on stderr per change of a step's state, and the
 * progress of a long step from time to time. The command prints errors, so they are not shown here.
 */
export class LineRenderer implements ListrRenderer {
  static nonTTY = true
  static rendererOptions: never
  static rendererTaskOptions: never
  readonly #tasks: Task[]

  constructor(tasks: Task[]) {
    this.#tasks = tasks
  }

  render(): void {
    for (const task of this.#tasks) this.#follow(task)
  }

  end(): void {
    // Lines are written as changes happen, so nothing is left to draw.
  }

  #follow(task: Task): void {
    task.on(ListrTaskEventType.STATE, (state) => {
      const title = task.title ?? ''
      if (state === ListrTaskState.STARTED) write('·', title, 'dim')
      if (state === ListrTaskState.COMPLETED) write('✔', title, 'green')
      if (state === ListrTaskState.SKIPPED) write('↓', title, 'dim')
      if (state === ListrTaskState.FAILED) write('✖', title, 'red')
    })
    task.on(ListrTaskEventType.OUTPUT, (text) => write('·', `  ${text}`, 'dim'))
  }
}

function write(icon: string, text: string, style: 'dim' | 'green' | 'red'): void {
  process.stderr.write(`${styleText(style, icon, { stream: process.stderr })} ${text}\n`)
}
