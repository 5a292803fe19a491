(defun steps (n)
  (loop until (= n 1)
        do (setf n (if (oddp n) (+ (* 3 n) 1) (/ n 2)))
        count t))

(let ((limit (read)))
  (loop for start from 1 to limit
        do (format t "~d ~d~%" start (steps start)))
  (format t "total ~d~%" (loop for start from 1 to limit sum (steps start))))
