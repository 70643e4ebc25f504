"""Every address and who may open it, typed by hand from the rights document. An address without a line fails (security case 13)."""

import datetime as dt
import re

import pytest
from conftest import rows
from sqlalchemy import select

from models.access import Membership, User
from models.activation import ActivationCode
from models.codes import CodeList, CodeValue
from models.courses import Course, Grid, RacGroup
