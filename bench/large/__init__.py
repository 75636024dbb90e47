"""An installation as it stands after years: so many petitions, each table and topic at its true ratio.

A few hundred petitions are lived through the real system, by the shares of `courses.py`, in a domain's time that runs
through the last weeks in a minute (`play.py`). Whatever they left in the tables and on the topics is then multiplied
under new ids, times, texts and keys (`templates.py`, `copies.py`, `loading.py`), and the copies go through COPY and a
producer to where the originals lie. What is loaded is checked (`checks.py`), and every list is measured on it
(`lists.py`, `plans.py`).
"""
