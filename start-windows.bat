@echo off
rem Double-click: sets kamkit up on first use (conda if it is there, else Python) and opens JupyterLab on the notebooks.
setlocal
cd /d "%~dp0"
where conda >nul 2>nul
if %errorlevel%==0 (
  call conda env list | findstr /b /c:"kamkit " >nul || call conda env create -f environment.yml || goto failed
  call conda activate kamkit || goto failed
  goto start
)
if not exist .venv\Scripts\kamkit.exe (
  py -3 -m venv .venv || goto failed
  .venv\Scripts\python -m pip install --quiet --editable . || goto failed
)
call .venv\Scripts\activate.bat
:start
jupyter lab notebooks
exit /b 0
:failed
echo.
echo kamkit could not be set up. Python 3.11 or newer, or conda, must be installed: see README.md.
pause
exit /b 1
