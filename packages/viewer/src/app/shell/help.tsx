import { Modal } from '../parts/modal.tsx'

const KEYS: [title: string, keys: [keys: string, what: string][]][] = [
  [
    'Everywhere',
    [
      ['/', 'Search'],
      ['?', 'Show or hide these keys'],
      ['Esc', 'Close'],
      ['Tab, then arrow keys', 'Move in a chart; Space filters by the bar; Shift with an arrow key chooses a range'],
    ],
  ],
  [
    'Gallery and table',
    [
      ['Arrow keys, Page Up, Page Down, Home, End', 'Move'],
      ['Enter', 'Open the asset'],
      ['Shift + arrow keys', 'Select cells of the table'],
      ['Ctrl + C', 'Copy the selected cells'],
    ],
  ],
  [
    'An asset',
    [
      ['← and →, or K and J', 'Previous and next asset'],
      ['+ and −, or a double click', 'Zoom the image'],
    ],
  ],
  [
    'Review',
    [
      ['1, 2, 3', 'Mark as right, wrong or unsure'],
      ['0', 'Take the mark back'],
      ['↑ and ↓', 'Choose the whole answer or one of its columns'],
      ['E', 'Enter the right value'],
      ['← and →', 'Previous and next asset'],
      ['N', 'Write a note'],
      ['Z', 'Undo'],
    ],
  ],
]

/** All keys of the app. */
export function Help({ close }: { close: () => void }) {
  return (
    <Modal title="Keyboard" className="help" close={close}>
      {KEYS.map(([title, keys]) => (
        <section key={title}>
          <h3>{title}</h3>
          <dl>
            {keys.map(([key, what]) => (
              <div key={key}>
                <dt>{key}</dt>
                <dd>{what}</dd>
              </div>
            ))}
          </dl>
        </section>
      ))}
    </Modal>
  )
}
