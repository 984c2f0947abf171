import { useEffect, useRef, type ReactNode } from 'react'
import { Icon } from './icon.tsx'

interface Props {
  title: string
  className?: string
  /** Beside the title. */
  tools?: ReactNode
  close: () => void
  children: ReactNode
}

/** A window over the page. Escape and a click outside close it; the focus stays in it and goes back at the end. */
export function Modal({ title, className = '', tools, close, children }: Props) {
  const dialog = useRef<HTMLDialogElement>(null)
  useEffect(() => {
    const opener = document.activeElement
    dialog.current?.showModal()
    return () => {
      if (opener instanceof HTMLElement) opener.focus({ preventScroll: true })
    }
  }, [])
  return (
    <dialog
      ref={dialog}
      className={`modal ${className}`}
      aria-label={title}
      onCancel={(event) => {
        event.preventDefault()
        close()
      }}
      onClose={close}
      onClick={(event) => {
        if (event.target === dialog.current) close()
      }}
    >
      <div className="modal-inside">
        <header className="modal-header">
          <h2>
            <bdi>{title}</bdi>
          </h2>
          {tools}
          <button type="button" className="icon" onClick={close} aria-label="Close" title="Close (Esc)">
            <Icon name="close" />
          </button>
        </header>
        {children}
      </div>
    </dialog>
  )
}
